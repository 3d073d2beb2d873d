/** Log-probabilities of one position's tokens, from the model's logits before anything changes them. */

import type { TokenLogprobs } from '../protocol.js';
import { exponential } from './fast-exponential.js';

/** log sum exp(logits), in nats. */
export function logNormaliser(logits: Float32Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if ((logits[i] as number) > top) top = logits[i] as number;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += exponential((logits[i] as number) - top);
  return top + Math.log(sum);
}

/** The distribution at a position whose token is not known yet. */
export interface RawDistribution {
  of(token: number): TokenLogprobs;
  /** 1 for the likeliest. */
  rank(token: number): number;
}

const copies = new Map<number, Float32Array>();

/**
 * Reads logits [V], which may change afterwards. The result is valid until the next call.
 * @param count how many of the likeliest tokens are wanted
 */
export function readLogprobs(logits: Float32Array, count: number): RawDistribution {
  const raw = copies.get(logits.length) ?? new Float32Array(logits.length);
  copies.set(logits.length, raw);
  raw.set(logits);
  const normaliser = logNormaliser(raw);
  const logprob = (token: number) => (raw[token] ?? Number.NEGATIVE_INFINITY) - normaliser;
  const top = likeliest(raw, count).map((token): readonly [number, number] => [token, logprob(token)]);
  const rank = (token: number) => {
    const own = raw[token] ?? Number.NEGATIVE_INFINITY;
    let likelier = 0;
    for (let other = 0; other < raw.length; other++) if ((raw[other] as number) > own) likelier++;
    return likelier + 1;
  };
  return { of: (token) => ({ chosen: logprob(token), top }), rank };
}

/** Ids of the `count` largest logits, largest first, the lowest id among equals: one pass with a short sorted list. */
export function likeliest(logits: Float32Array, count: number): number[] {
  const best: number[] = [];
  if (count === 0) return best;
  let least = Number.NEGATIVE_INFINITY;
  for (let token = 0; token < logits.length; token++) {
    const logit = logits[token] as number;
    if (!(logit > least) && best.length === count) continue;
    if (Number.isNaN(logit)) continue;
    let at = best.length;
    while (at > 0 && (logits[best[at - 1] as number] as number) < logit) at--;
    best.splice(at, 0, token);
    if (best.length > count) best.pop();
    if (best.length === count) least = logits[best[count - 1] as number] as number;
  }
  return best;
}
