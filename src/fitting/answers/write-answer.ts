/** One answer of the model, written as background work: what recipes and measurements of every kind are made of. */
import type { FinishReason, SequenceRequest } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';

export interface WrittenAnswer {
  /** Without the token that ended it. */
  readonly tokens: readonly number[];
  readonly finish: FinishReason;
  /** With `monitor`, of each token: [M, L] at the position that it was chosen from. */
  readonly projections: readonly Float32Array[];
}

/** @throws what the engine throws; the signal's reason when aborted, and then nothing is left running. */
export async function writeAnswer(
  model: Pick<LoadedModel, 'engine' | 'stopTokens'>,
  request: Pick<SequenceRequest, 'prompt' | 'maxTokens' | 'sampling' | 'edit' | 'monitor'>,
  signal: AbortSignal,
): Promise<WrittenAnswer> {
  const tokens: number[] = [];
  const projections: Float32Array[] = [];
  let finish: FinishReason = 'length';
  const { engine, stopTokens } = model;
  const steps = engine.generate({ ...request, stopTokens, minTokens: 0, priority: 'background' }, signal);
  for await (const step of steps) {
    if (step.token !== null) tokens.push(step.token);
    if (step.projections !== undefined) projections.push(step.projections);
    finish = step.finish ?? finish;
  }
  signal.throwIfAborted();
  return { tokens, finish, projections };
}
