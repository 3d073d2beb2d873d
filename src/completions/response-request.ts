/** The body of a response as a neutral request. Some fields have other names than a chat's: errors use the body's own. */
import { newId } from '../common/stamps.js';
import { errors } from '../errors.js';
import { reasoningPlace, reasoningVariables } from '../schemas/reasoning.js';
import { type ResponseRequest, responseFields } from '../schemas/responses.js';
import type { Tool, ToolChoice } from '../schemas/tools.js';
import { type Constraint, jsonObject, jsonSchema } from './constraint.js';
import { commonAnswer, type NeutralRequest } from './neutral-request.js';
import { conversationMessages } from './response-conversation.js';
import type { ConversationItem } from './response-store.js';
import { askedTools } from './tools.js';
import { askedTruncation } from './truncation.js';
import { refuseUnsupported } from './unsupported-fields.js';

const known = [...Object.keys(responseFields.shape), 'truncation', 'service_tier'];

/** Fields that would need what this server does not have; `null`, `false`, `[]` and absence ask for nothing. */
const refused: Readonly<Record<string, string>> = {
  conversation: 'say previous_response_id, or send the conversation as input',
  background: 'the answer comes with the request; stream it',
  prompt: 'send instructions and input',
  n: 'POST /v1/chat/completions has it',
  prompt_logprobs: 'POST /v1/chat/completions has them',
  return_token_ids: 'POST /v1/chat/completions has them',
  max_tokens: 'say it as max_output_tokens',
  messages: 'say it as input',
};

/**
 * @param conversation what the body's input and what it refers to come to (response-conversation.ts)
 * @throws SteerdError for what is wrong with the body whatever the model
 */
export function responseRequest(
  body: ResponseRequest,
  conversation: readonly ConversationItem[],
): NeutralRequest {
  refuseUnknown(body);
  const { concept, strength, steering } = body;
  if (steering && 'choices' in steering) {
    throw errors.notSupported(
      'steering.choices',
      'a response has one answer; POST /v1/chat/completions compares them',
    );
  }
  const format = formatConstraint(body.text?.format);
  const { tools, calls } = askedTools(
    {
      tools: body.tools?.map(nestedTool),
      tool_choice: nestedChoice(body.tool_choice),
      parallel_tool_calls: body.parallel_tool_calls,
    },
    { parameters: (index) => `tools.${index}.parameters`, chosenName: 'tool_choice.name' },
  );
  return {
    fields: { prompt: 'input', maxTokens: 'max_output_tokens', format: 'text.format' },
    prompt: {
      kind: 'chat',
      model: body.model ?? undefined,
      truncation: askedTruncation(body),
      messages: conversationMessages(conversation, body.instructions),
      ends: 'generation-prompt',
      tools,
      variables: {
        ...reasoningVariables({ ...body, reasoning_effort: body.reasoning?.effort }),
        ...body.chat_template_kwargs,
      },
    },
    answer: {
      ...commonAnswer(body),
      n: 1,
      maxTokens: { asked: body.max_output_tokens ?? undefined, usual: null },
      constraint: format,
      calls,
      steering: { concept, strength, steering },
      logprobs: askedLogprobs(body),
      promptLogprobs: null,
    },
    reply: {
      id: newId('resp', '_'),
      stream: body.stream ? { usage: false } : null,
      echo: { kind: 'nothing' },
      fullReceipts: body.receipt === 'full',
      reasoning: reasoningPlace(body),
      skipSpecialTokens: body.skip_special_tokens ?? true,
      tokenIds: false,
    },
  };
}

const asksNothing = (value: unknown) =>
  value === null ||
  value === undefined ||
  value === false ||
  value === 0 ||
  (Array.isArray(value) && value.length === 0);

function refuseUnknown(body: ResponseRequest): void {
  for (const [field, instead] of Object.entries(refused)) {
    if (!asksNothing(body[field])) throw errors.notSupported(field, instead);
  }
  const others = Object.entries(body).filter(([field]) => !(field in refused));
  refuseUnsupported(Object.fromEntries(others), known);
}

function askedLogprobs({ include, top_logprobs }: ResponseRequest): number | null {
  const count = top_logprobs ?? 0;
  return count > 0 || include?.includes('message.output_text.logprobs') ? count : null;
}

function formatConstraint(format: NonNullable<ResponseRequest['text']>['format']): Constraint | null {
  if (!format || format.type === 'text') return null;
  return format.type === 'json_object'
    ? jsonObject('text.format')
    : jsonSchema(format.schema, 'text.format.schema');
}

const nestedTool = ({
  name,
  description,
  parameters,
  strict,
}: NonNullable<ResponseRequest['tools']>[number]): Tool => ({
  type: 'function',
  function: { name, description, parameters, strict },
});

function nestedChoice(choice: ResponseRequest['tool_choice']): ToolChoice | undefined {
  if (choice === null || choice === undefined) return undefined;
  if (typeof choice === 'string') return choice;
  const named = (name: string) => ({ type: 'function' as const, function: { name } });
  if (choice.type === 'function') return named(choice.name);
  const tools = choice.tools.map(({ name }) => named(name));
  return { type: 'allowed_tools', allowed_tools: { mode: choice.mode, tools } };
}
