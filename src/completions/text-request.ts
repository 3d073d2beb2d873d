/** The body of a text completion as a neutral request. */
import { newId } from '../common/stamps.js';
import { errors } from '../errors.js';
import { type CompletionRequest, completionFields } from '../schemas/completions.js';
import { formatConstraint } from './constraint.js';
import { askedPromptLogprobs, askedStream, commonAnswer, type NeutralRequest } from './neutral-request.js';
import { askedTruncation } from './truncation.js';
import { refuseUnsupported } from './unsupported-fields.js';

const known = Object.keys(completionFields.shape);

/** As OpenAI has it. */
const usualTokens = 16;

/** @throws SteerdError for what is wrong with the body whatever the model */
export function textRequest(body: CompletionRequest): NeutralRequest {
  refuseUnsupported(body, known);
  const { concept, strength, steering } = body;
  const promptOnly = body.max_tokens === 0;
  if (promptOnly && !body.echo) throw errors.invalidValue('max_tokens', 'at least 1 without echo', 0);
  return {
    fields: { prompt: 'prompt', maxTokens: 'max_tokens', format: 'response_format' },
    prompt: {
      kind: 'text',
      model: body.model ?? undefined,
      truncation: askedTruncation(body),
      texts: body.prompt,
      specialTokens: body.add_special_tokens ?? true,
    },
    answer: {
      ...commonAnswer(body),
      n: body.n ?? 1,
      // The engine makes one token at least: it is dropped where none is wanted.
      maxTokens: { asked: promptOnly ? 1 : (body.max_tokens ?? undefined), usual: usualTokens },
      constraint: formatConstraint(body),
      calls: null,
      steering: { concept, strength, steering },
      logprobs: body.logprobs ?? null,
      promptLogprobs: askedPromptLogprobs(body),
    },
    reply: {
      id: newId('cmpl'),
      stream: askedStream(body),
      fullReceipts: body.receipt === 'full',
      echo: { kind: promptOnly ? 'prompt-only' : body.echo ? 'prompt' : 'nothing' },
      reasoning: 'inline',
      skipSpecialTokens: body.skip_special_tokens ?? true,
      tokenIds: body.return_token_ids ?? false,
      namesById: body.return_tokens_as_token_ids ?? false,
    },
  };
}
