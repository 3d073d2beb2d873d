/** Which tokens may come and which are favoured, in the model's own token ids. */
import type { ModelShape, Sampling, SequenceRequest } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { NeutralRequest } from './neutral-request.js';
import { checkTokens } from './prompt.js';

/** The seed of choice `index` of a prompt. */
export const seedOfChoice = (seed: number, index: number): number => (seed + index) % 2 ** 32;

/** @throws SteerdError invalid_value for an id outside the vocabulary */
export function toLogitBias(
  biases: Readonly<Record<string, number>>,
  { vocabularySize }: ModelShape,
): Sampling['logitBias'] {
  return Object.entries(biases).map(([key, bias]): readonly [number, number] => {
    const token = /^\d{1,15}$/.test(key) ? Number(key) : -1;
    if (token < 0 || token >= vocabularySize) {
      throw errors.invalidValue(
        'logit_bias',
        `an object whose keys are token ids from 0 to ${vocabularySize - 1}`,
        key,
      );
    }
    return [token, bias];
  });
}

/** @throws SteerdError for tokens that are none, and for a list that leaves nothing to come */
export function barredTokens(
  { answer, fields }: NeutralRequest,
  model: LoadedModel,
): Pick<SequenceRequest, 'allowedTokens' | 'badWords'> {
  const { allowedTokens, badWords } = answer;
  if (allowedTokens !== null) {
    checkTokens('allowed_token_ids', allowedTokens, model.engine.shape);
    if (answer.constraint !== null) {
      throw errors.invalidRequest(
        `allowed_token_ids must be left out with ${fields.format}, structured_outputs or tools.`,
        'allowed_token_ids',
      );
    }
    const ends = new Set([...model.stopTokens, ...answer.stop.tokens]);
    if (answer.minTokens > 0 && allowedTokens.every((token) => ends.has(token))) {
      throw errors.invalidRequest(
        'allowed_token_ids must have a token that is no stop token when min_tokens is above 0.',
        'allowed_token_ids',
      );
    }
  }
  const words = badWords
    .flatMap((word) => [word, ` ${word.trimStart()}`])
    .map((text) => model.tokenizer.encode(text, { addSpecialTokens: false }));
  return {
    ...(allowedTokens === null ? {} : { allowedTokens }),
    ...(words.length === 0 ? {} : { badWords: words.filter((tokens) => tokens.length > 0) }),
  };
}
