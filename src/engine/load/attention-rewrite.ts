/**
 * Whether an export whose attention is written out may be served as its rewrite to GroupQueryAttention
 * (src/onnx/rewrite/grouped-attention.ts). It may when every layer has the structure, when each mask, as the export itself
 * computes it up to the capacity, is causal or a sliding window, and when both graphs give the same logits: for a
 * prompt, for chunks behind a past, and for rows of different lengths in one batch.
 */
import { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import { InventedKvCache } from '../kv/synthetic-kv-cache.js';
import type { ModelSpec } from '../model-spec.js';
import { GraphRunner } from '../run/graph-runner.js';
import { SteeringInputs } from '../run/steering-inputs.js';
import { logitDistance, trialTokens } from '../run/trial-inputs.js';
import { type ObservedMask, windowOf } from './mask-window.js';

/** What was seen of the export: how to rewrite it, and what the rewrite must give. */
export interface RewritePlan {
  readonly windows: readonly number[];
  readonly expected: readonly Expected[];
}

interface Expected {
  readonly probe: Probe;
  readonly logits: Float32Array;
  /** Only worth a look where nothing is rounded: rounding's noise grows with the past, to a tenth of a logit. */
  readonly exactOnly?: true;
}

/** Why an export stays as it is. */
export class NotRewritten extends Error {
  override readonly name = 'NotRewritten';
}

/** A run of one or more rows of as many tokens each, behind pasts of their own. */
interface Probe {
  readonly pasts: readonly number[];
  readonly tokens: number;
}

const promptTokens = 19;
const chunkTokens = 4;
/** Pasts of the batch's short rows; the longest row's lies beyond the widest window. */
const shortPasts = [5, 37] as const;
/**
 * Share of the largest logit by which the graphs may differ, since they add the same numbers in another order. Where
 * these are rounded to half precision, or to int8 before a product, a last bit becomes a step; a scale a tenth off, a
 * wrong mask or head shows above 0.08.
 */
const tolerances = { exact: 1e-4, rounded: 6e-2 } as const;

/**
 * Watches the export.
 * @param session of the export, grafted for serving
 * @param masks its outputs that hold the layers' masks
 * @throws NotRewritten that says what stands in the way; OrtError
 */
export function planRewrite(
  session: Session,
  spec: ModelSpec,
  masks: readonly string[],
  capacity: number,
): RewritePlan {
  const observed = masks.map((): ObservedMask[] => []);
  const watch = (past: number, tokens: number) => {
    const probe = { pasts: [past], tokens };
    const seen = run(session, spec, probe, masks);
    for (const [layer, values] of seen.masks.entries()) observed[layer]?.push({ values, past, tokens });
    return { probe, logits: seen.logits };
  };
  const few = Math.min(chunkTokens, capacity);
  const prompt = watch(0, Math.min(promptTokens, capacity));
  const atTheEnd = watch(capacity - few, few);
  const windows = () =>
    observed.map((seen, layer) => {
      const window = windowOf(seen);
      if (window === null)
        throw new NotRewritten(`layer ${layer}: its mask is neither causal nor a sliding window`);
      return window;
    });
  const longest = Math.max(...shortPasts, ...windows().map((window) => window + chunkTokens));
  const chunk = watch(Math.min(longest, capacity - few), few);
  const pasts = [longest, ...shortPasts].map((past) => Math.min(past, capacity - 1));
  const alone = pasts.map((past) => watch(past, 1).logits);
  const logits = new Float32Array(alone.length * spec.vocabularySize);
  alone.forEach((row, index) => {
    logits.set(row, index * spec.vocabularySize);
  });
  const batch = { probe: { pasts, tokens: 1 }, logits };
  return { windows: windows(), expected: [prompt, chunk, batch, { ...atTheEnd, exactOnly: true }] };
}

/** The largest difference of the rewrite from the export, as a share of the largest logit. */
export function rewriteError(session: Session, spec: ModelSpec, expected: readonly Expected[]): number {
  return Math.max(
    ...expected.map(({ probe, logits }) => {
      const { apart, largest } = logitDistance(run(session, spec, probe, []).logits, logits);
      return apart / largest;
    }),
  );
}

/**
 * @param rounds whether the export rounds activations to int8
 * @throws NotRewritten when the rewrite does not compute what the export does
 */
export function checkRewrite(
  session: Session,
  spec: ModelSpec,
  { expected }: RewritePlan,
  { rounds }: { readonly rounds: boolean },
): void {
  const exact = !rounds && spec.kvType === 'float32';
  const tolerance = exact ? tolerances.exact : tolerances.rounded;
  const compared = expected.filter(({ exactOnly }) => exact || !exactOnly);
  const error = rewriteError(session, spec, compared);
  if (!(error <= tolerance))
    throw new NotRewritten(
      `its logits would differ by ${error.toExponential(1)} of the largest, more than ${tolerance}`,
    );
}

function run(
  session: Session,
  spec: ModelSpec,
  { pasts, tokens }: Probe,
  masks: readonly string[],
): { logits: Float32Array; masks: readonly Float32Array[] } {
  const rows = pasts.length;
  const past = Math.max(...pasts);
  const options = new RunOptions();
  const cache = new InventedKvCache(spec, past + tokens);
  const runner = new GraphRunner(session, cache, options);
  const made: Tensor[] = [];
  const output = (count: number, shape: readonly number[]) => {
    const data = ownArray(Float32Array, count);
    const tensor = Tensor.over(data, 'float32', shape);
    made.push(tensor);
    return { data, tensor };
  };
  try {
    const logits = output(rows * tokens * spec.vocabularySize, [rows, tokens, spec.vocabularySize]);
    const seen = masks.map((name) => ({
      name,
      ...output(tokens * (past + tokens), [tokens * (past + tokens)]),
    }));
    // WebGPU's kernels read out of bounds for K = 0.
    const steering = new SteeringInputs(spec.layers.length, spec.hiddenSize, session.device ? 1 : 0).fill(
      pasts.map((position) => ({ edit: [], position })),
      tokens,
    );
    const positions = ownArray(BigInt64Array, rows * tokens).map((_, i) => BigInt(i % tokens));
    const asked = Tensor.over(positions, 'int64', [rows, tokens]);
    made.push(asked, ...Object.values(steering));
    runner.run(
      { first: 0, rows },
      pasts.map((before) => trialTokens(before, tokens, spec.vocabularySize)),
      pasts,
      {
        inputs: {
          steering_vectors: steering.vectors,
          steering_add: steering.add,
          steering_scale: steering.scale,
          logit_positions: asked,
        },
        outputs: {
          logits: logits.tensor,
          ...Object.fromEntries(seen.map(({ name, tensor }) => [name, tensor])),
        },
      },
    );
    return { logits: logits.data, masks: seen.map(({ data }) => data) };
  } finally {
    runner.release();
    cache.release();
    options.release();
    for (const tensor of made) tensor.release();
  }
}
