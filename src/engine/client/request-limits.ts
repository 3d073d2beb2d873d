/** Checks requests against the model before they reach the worker, so that its loop need not. */
import { errors } from '../../errors.js';
import {
  type ActivationEdit,
  type CaptureRequest,
  type ModelShape,
  mostTopLogprobs,
  type PairsRequest,
  type ProjectRequest,
  type ScoreRequest,
  type SequenceRequest,
} from '../protocol.js';

function checkTokens(tokens: readonly number[], shape: ModelShape, field: string): void {
  if (tokens.length === 0) throw errors.promptEmpty(field);
  const bad = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= shape.vocabularySize);
  if (bad !== undefined) throw errors.tokenOutOfRange(field, bad, shape.vocabularySize);
}

function checkVectors(vectors: Float32Array, { layers, hiddenSize }: ModelShape, field: string): void {
  const expected = layers * hiddenSize;
  if (vectors.length !== expected)
    throw errors.invalidValue(field, `${expected} numbers (layers x hidden size)`, vectors.length);
}

function checkEdit(edit: ActivationEdit, shape: ModelShape): void {
  for (const { vectors, add, scale } of edit) {
    checkVectors(vectors, shape, 'steering vectors');
    for (const coefficients of [add, scale])
      if (coefficients.length !== shape.layers || !coefficients.every(Number.isFinite))
        throw errors.invalidValue(
          'steering coefficients',
          `${shape.layers} finite numbers`,
          Array.from(coefficients).join(', '),
        );
  }
}

/** @throws SteerdError prompt_empty, token_out_of_range, context_length_exceeded, invalid_value */
export function checkSequence(request: SequenceRequest, shape: ModelShape): void {
  checkTokens(request.prompt, shape, 'prompt');
  checkEdit(request.edit, shape);
  for (const vectors of request.monitor ?? []) checkVectors(vectors, shape, 'monitored vectors');
  const { logprobs = 0 } = request;
  if (!Number.isInteger(logprobs) || logprobs < 0 || logprobs > mostTopLogprobs)
    throw errors.invalidValue('logprobs', `from 0 to ${mostTopLogprobs}`, logprobs);
  if (!Number.isInteger(request.maxTokens) || request.maxTokens < 1)
    throw errors.invalidValue('max_tokens', 'a whole number of at least 1', request.maxTokens);
  if (request.prompt.length + request.maxTokens > shape.capacity)
    throw errors.contextLengthExceeded('prompt', request.prompt.length, request.maxTokens, shape.capacity);
  const { allowedTokens, badWords = [] } = request;
  if (allowedTokens) checkTokens(allowedTokens, shape, 'allowed_token_ids');
  for (const word of badWords) checkTokens(word, shape, 'bad_words');
  for (const [token] of request.sampling.logitBias)
    if (!Number.isInteger(token) || token < 0 || token >= shape.vocabularySize)
      throw errors.tokenOutOfRange('logit_bias', token, shape.vocabularySize);
}

/** @throws SteerdError prompt_empty, token_out_of_range, context_length_exceeded, invalid_value */
export function checkCapture(request: CaptureRequest, shape: ModelShape): void {
  checkText(request.tokens, shape);
  const inside = (position: number) =>
    Number.isInteger(position) && position >= 0 && position < request.tokens.length;
  const below = `at least one position below ${request.tokens.length}`;
  if (request.positions.length === 0) throw errors.invalidValue('positions', below, 'none');
  const wrong = request.positions.find((position) => !inside(position));
  if (wrong !== undefined) throw errors.invalidValue('positions', below, wrong);
  const [start, end] = request.span;
  if (![start, end].every(Number.isInteger) || start < 0 || end < start || end > request.tokens.length)
    throw errors.invalidValue(
      'span',
      `[start, end) with 0 <= start <= end <= ${request.tokens.length}`,
      `[${start}, ${end})`,
    );
  checkShared(request.shared, Math.min(...request.positions), 'the first position read');
}

function checkShared(shared: number | undefined, most: number, what: string): void {
  if (shared !== undefined && (!Number.isInteger(shared) || shared < 0 || shared > most))
    throw errors.invalidValue('shared', `between 0 and ${most}, ${what}`, shared);
}

/** @throws SteerdError prompt_empty, token_out_of_range, context_length_exceeded, invalid_value */
export function checkScore(request: ScoreRequest, shape: ModelShape): void {
  const { tokens, from, edit } = request;
  checkText(tokens, shape);
  checkEdit(edit, shape);
  if (!Number.isInteger(from) || from < 1 || from >= tokens.length)
    throw errors.invalidValue('from', `between 1 and ${tokens.length - 1}`, from);
  checkShared(request.shared, from - 1, 'the position before the first one scored');
}

/** @throws SteerdError prompt_empty, token_out_of_range, context_length_exceeded, invalid_value */
export function checkPairs({ prompts, answers, pairs, edits }: PairsRequest, shape: ModelShape): void {
  prompts.forEach((prompt, index) => {
    checkTokens(prompt, shape, `prompts[${index}]`);
  });
  answers.forEach((answer, index) => {
    checkTokens(answer, shape, `answers[${index}]`);
  });
  if (edits !== undefined && edits.length !== prompts.length)
    throw errors.invalidValue('edits', `one for each of the ${prompts.length} prompts`, edits.length);
  for (const edit of new Set(edits)) checkEdit(edit, shape);
  pairs.forEach(([prompt, answer], index) => {
    const before = prompts[prompt]?.length;
    const length = answers[answer]?.length;
    if (before === undefined || length === undefined)
      throw errors.invalidValue(
        `pairs[${index}]`,
        `an index below ${prompts.length} and one below ${answers.length}`,
        `${prompt}, ${answer}`,
      );
    if (before + length > shape.capacity)
      throw errors.contextLengthExceeded(`prompts[${prompt}]`, before, length, shape.capacity);
  });
}

/** @throws SteerdError prompt_empty, token_out_of_range, context_length_exceeded, invalid_value */
export function checkProject(request: ProjectRequest, shape: ModelShape): void {
  checkText(request.tokens, shape);
  for (const vectors of request.vectors) checkVectors(vectors, shape, 'monitored vectors');
}

function checkText(tokens: readonly number[], shape: ModelShape): void {
  checkTokens(tokens, shape, 'tokens');
  if (tokens.length > shape.capacity)
    throw errors.contextLengthExceeded('tokens', tokens.length, 0, shape.capacity);
}
