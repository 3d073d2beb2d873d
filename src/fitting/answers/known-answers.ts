/**
 * What the unsteered model said before: answers without an edit depend on the model, the prompt and the sampling alone.
 * Fits ask it the same over and over (the plain answers that strength is measured against, texts about other subjects),
 * so the last ones are kept, for as long as the model is loaded.
 */
import { createHash } from 'node:crypto';
import { RecentMap } from '../../common/recent-map.js';
import type { ModelShape, SequenceRequest } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import { writeAnswer } from './write-answer.js';

type Asked = Pick<SequenceRequest, 'prompt' | 'maxTokens' | 'sampling'>;

/** Tokens; some thousand answers. */
const mostHeld = 65_536;

/** A model's shape is one object however its engine is wrapped for a caller. */
const known = new WeakMap<ModelShape, RecentMap<readonly number[]>>();

/**
 * The tokens of the unsteered model's answer, without the one that ended it.
 * @throws what the engine throws; the signal's reason when aborted, and then nothing is left running.
 */
export async function plainAnswer(
  model: Pick<LoadedModel, 'engine' | 'stopTokens'>,
  { prompt, maxTokens, sampling }: Asked,
  signal: AbortSignal,
): Promise<readonly number[]> {
  signal.throwIfAborted();
  const { shape } = model.engine;
  const answers = known.get(shape) ?? new RecentMap(mostHeld);
  known.set(shape, answers);
  const key = createHash('sha256')
    .update(JSON.stringify([prompt, maxTokens, sampling, model.stopTokens]))
    .digest('base64');
  const before = answers.get(key);
  if (before !== undefined) return before;
  const { tokens } = await writeAnswer(model, { prompt, maxTokens, sampling, edit: [] }, signal);
  answers.set(key, tokens, tokens.length + 1);
  return tokens;
}
