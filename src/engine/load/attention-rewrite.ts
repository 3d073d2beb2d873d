/**
 * Whether an export whose attention is written out in basic operators may be served as its rewrite to
 * GroupQueryAttention (src/onnx/rewrite/grouped-attention.ts). It may when every layer has the structure, when each mask,
 * as the export itself computes it up to the capacity, is causal or a sliding window, and when both graphs give the same
 * logits: for a prompt, for chunks behind a past, and for rows of different lengths in one batch.
 */
import { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { ownArray, Tensor } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import { GraphRunner } from '../run/graph-runner.js';
import { SteeringInputs } from '../run/steering-tensors.js';
import { logitDistance, syntheticKv, trialTokens } from './trial-inputs.js';

/** What was observed of the export: how to rewrite it, and what the rewrite must compute. */
interface RewritePlan {
  /** Of each layer: its sliding window in tokens, 0 for none. */
  readonly windows: readonly number[];
  readonly expected: readonly Expected[];
}

interface Expected {
  readonly probe: Probe;
  readonly logits: Float32Array;
  /** Compared only where nothing is rounded: the noise of rounding grows with the past, to a tenth of a logit. */
  readonly exactOnly?: true;
}

/** The message says why an export is served as it is. */
export class NotRewritten extends Error {
  override readonly name = 'NotRewritten';
}

/** A run of one or more rows with the same number of tokens, each behind a past of its own. */
interface Probe {
  readonly pasts: readonly number[];
  readonly tokens: number;
}

const promptTokens = 19;
const chunkTokens = 4;
/** Pasts of the batch's short rows; the longest row's past is longer than the widest window. */
const shortPasts = [5, 37] as const;
/**
 * How far the graphs' logits may be apart, as a share of the largest logit: they add the same numbers in another order.
 * Where numbers are rounded to half precision, or to int8 before a product, a difference in the last bit can become a
 * whole rounding step. A scale a tenth off, a wrong mask or a wrong head differs by more than 0.08.
 */
const tolerances = { exact: 1e-4, rounded: 6e-2 } as const;

/**
 * Runs the export and observes its masks and logits.
 * @param session of the export, grafted for serving
 * @param masks names of its outputs that hold the layers' masks
 * @throws NotRewritten when a mask is neither causal nor a sliding window; OrtError
 */
export function planRewrite(
  session: Session,
  spec: ModelSpec,
  masks: readonly string[],
  capacity: number,
): RewritePlan {
  const observed = masks.map((): ObservedMask[] => []);
  const observe = (past: number, tokens: number) => {
    const probe = { pasts: [past], tokens };
    const seen = run(session, spec, probe, masks);
    for (const [layer, values] of seen.masks.entries()) observed[layer]?.push({ values, past, tokens });
    return { probe, logits: seen.logits };
  };
  const few = Math.min(chunkTokens, capacity);
  const prompt = observe(0, Math.min(promptTokens, capacity));
  const atTheEnd = observe(capacity - few, few);
  const windows = () =>
    observed.map((seen, layer) => {
      const window = windowOf(seen);
      if (window === null)
        throw new NotRewritten(`layer ${layer}: its mask is neither causal nor a sliding window`);
      return window;
    });
  const longest = Math.max(...shortPasts, ...windows().map((window) => window + chunkTokens));
  const chunk = observe(Math.min(longest, capacity - few), few);
  const pasts = [longest, ...shortPasts].map((past) => Math.min(past, capacity - 1));
  const alone = pasts.map((past) => observe(past, 1).logits);
  const logits = new Float32Array(alone.length * spec.vocabularySize);
  alone.forEach((row, index) => {
    logits.set(row, index * spec.vocabularySize);
  });
  const batch = { probe: { pasts, tokens: 1 }, logits };
  return { windows: windows(), expected: [prompt, chunk, batch, { ...atTheEnd, exactOnly: true }] };
}

/** The largest difference between the logits of the rewrite and the export, as a share of the largest logit. */
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
  const runner = new GraphRunner(session, spec, null, options);
  const kv = syntheticKv(spec, rows, past, past + tokens);
  const own = new Set<Tensor>(Object.values(kv.inputs));
  const output = (count: number, shape: readonly number[]) => {
    const data = ownArray(Float32Array, count);
    const tensor = Tensor.over(data, 'float32', shape);
    own.add(tensor);
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
    for (const tensor of [asked, ...Object.values(steering)]) own.add(tensor);
    runner.run(
      { first: 0, rows },
      pasts.map((before) => trialTokens(before, tokens, spec.vocabularySize)),
      pasts,
      {
        inputs: {
          ...kv.inputs,
          steering_vectors: steering.vectors,
          steering_add: steering.add,
          steering_scale: steering.scale,
          logit_positions: asked,
        },
        outputs: {
          ...kv.outputs,
          logits: logits.tensor,
          ...Object.fromEntries(seen.map(({ name, tensor }) => [name, tensor])),
        },
      },
    );
    return { logits: logits.data, masks: seen.map(({ data }) => data) };
  } finally {
    runner.release();
    options.release();
    for (const tensor of own) tensor.release();
  }
}

/** A mask as a graph adds it to its scores: float32 [tokens, past + tokens]. */
export interface ObservedMask {
  readonly values: Float32Array;
  readonly past: number;
  readonly tokens: number;
}

/** A key with this added to its score, or less, has no weight. */
const hidden = -1e4;

/**
 * The window of a sliding-window mask: how many keys a token sees at most, itself included. 0 for a causal mask. Null
 * for any other mask: one that shows later keys, leaves gaps, or weighs keys.
 */
export function windowOf(masks: readonly ObservedMask[]): number | null {
  let window = 0;
  let longest = 0;
  for (const { values, past, tokens } of masks)
    for (let token = 0; token < tokens; token++) {
      const row = values.subarray(token * (past + tokens), (token + 1) * (past + tokens));
      const seen = seenKeys(row, past + token);
      if (seen === null) return null;
      if (seen === past + token + 1) longest = Math.max(longest, seen);
      else if (window !== 0 && window !== seen) return null;
      else window = seen;
    }
  return window !== 0 && longest > window ? null : window;
}

/** How many keys up to `position` a token there sees; null unless they are consecutive and the only ones. */
function seenKeys(row: Float32Array, position: number): number | null {
  const isHidden = (value: number) => value <= hidden;
  const first = row.indexOf(0);
  if (first < 0 || first > position) return null;
  const shown = row.subarray(first, position + 1).every((value) => value === 0);
  const rest = row.subarray(0, first).every(isHidden) && row.subarray(position + 1).every(isHidden);
  return shown && rest ? position + 1 - first : null;
}
