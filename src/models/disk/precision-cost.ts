/**
 * What the precision of a built model costs, as it was measured: the mean absolute difference of a token's log-probability
 * from the same weights' in float32, over the 128 tokens of `test/fixtures/smollm2-135m-instruct.json`, by the engine, with
 * activations in 8 bits. docs/models.md has the whole table. @see test/build/precisions.slow.test.ts
 */
import type { Precision } from '../../schemas/imports.js';
import type { BuiltManifest } from './manifest.js';

/** Nats; null for what stays the checkpoint's own. */
export const precisionCosts: Readonly<Record<Precision, number | null>> = {
  int8: 0.08,
  int4: 0.35,
  fp16: null,
  fp32: null,
};

const measured = 'measured on SmolLM2-135M-Instruct against float32';

/** For the log, when such a model is loaded; null where there is nothing to say. */
export function costOf({ precision }: BuiltManifest): string | null {
  const nats = precisionCosts[precision];
  if (nats === null) return null;
  const cost = `built as ${precision}: a token's log-probability moves by ${nats} nats on average, ${measured}`;
  return precision === 'int4' ? `${cost}; int8 costs ${precisionCosts.int8} and is twice as large` : cost;
}
