/** OpenAI's error shape: every answer that is not a success has it. */
import { z } from 'zod';

export const ErrorBody = z
  .object({
    error: z.object({
      message: z.string().meta({ description: 'Names the field, the limit and the value received.' }),
      type: z.string(),
      param: z.string().nullable().meta({ description: 'The field at fault, as a dotted path.' }),
      code: z.string().nullable().meta({ description: 'Stable: branch on this.' }),
    }),
  })
  .meta({
    id: 'Error',
    examples: [
      {
        error: {
          message: 'temperature must be at most 2; received 3.',
          type: 'invalid_request_error',
          param: 'temperature',
          code: 'invalid_value',
        },
      },
    ],
  });
export type ErrorBody = z.output<typeof ErrorBody>;

/** Of Anthropic's API. */
export const AnthropicErrorBody = z
  .object({
    type: z.literal('error'),
    error: z.object({
      type: z.string(),
      message: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'AnthropicError' });

/** Of Ollama's API. */
export const OllamaErrorBody = z.object({ error: z.string() }).meta({ id: 'OllamaError' });

const descriptions = {
  400: 'The request cannot be carried out as it is',
  401: 'The API key is missing or wrong',
  403: 'Not allowed',
  404: 'No such thing',
  408: 'The body did not come in time',
  409: 'In conflict with what is there',
  413: 'The body is too large',
  415: 'The body is not JSON, or compressed',
  429: 'The queue is full, or a limit of the API key is reached: see Retry-After',
  500: 'The server is at fault',
  503: 'Not ready, or stopping: see Retry-After',
  504: 'Took longer than a request may',
  507: 'No space is left',
} as const;

type ErrorStatus = keyof typeof descriptions;

type ErrorResponse<Body extends z.ZodType = typeof ErrorBody> = {
  description: string;
  content: { 'application/json': { schema: Body } };
};

/** The `response` entries of a route for the errors it may answer with. */
export const errorResponses = <Status extends ErrorStatus>(...statuses: readonly Status[]) =>
  responsesOf(ErrorBody, statuses);

/** The same in the shape of another API. */
export const anthropicErrors = <Status extends ErrorStatus>(...statuses: readonly Status[]) =>
  responsesOf(AnthropicErrorBody, statuses);
export const ollamaErrors = <Status extends ErrorStatus>(...statuses: readonly Status[]) =>
  responsesOf(OllamaErrorBody, statuses);

function responsesOf<Status extends ErrorStatus, Body extends z.ZodType>(
  schema: Body,
  statuses: readonly Status[],
): Record<Status, ErrorResponse<Body>> {
  const entries = statuses.map((status): [Status, ErrorResponse<Body>] => [
    status,
    { description: descriptions[status], content: { 'application/json': { schema } } },
  ]);
  return Object.fromEntries(entries) as Record<Status, ErrorResponse<Body>>;
}
