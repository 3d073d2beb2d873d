/** Keys and values in 8 bits: how large each channel becomes, read off one run of the session that keeps them exactly. */
import type { KvScales } from '../../onnx/rewrite/quantized-kv.js';
import { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { HostKvCache } from '../kv/host-kv-cache.js';
import type { ModelSpec } from '../model-spec.js';
import { ServingRunner } from '../run/serving-runner.js';
import type { KvCacheType } from '../worker-settings.js';
import { calibrationLength, spreadTokens } from './calibration.js';

/**
 * Room above what the text showed: other texts, and edits, go further, and what is cut off is worse than coarser steps.
 * At 1 and at 1.5 the embedded model's log-probabilities were further off.
 */
const headroom = 1.25;
/** The largest integer that a kernel writes. */
const largest = 127;

/** Whether a model keeps its keys and values in 8 bits: where it is asked to, in host memory, in place, from float32. */
export const keepsIn8Bits = (
  { kvLayout, kvType }: ModelSpec,
  asked: KvCacheType,
  onDevice: boolean,
): boolean => asked === 'int8' && !onDevice && kvLayout === 'in place' && kvType === 'float32';

/**
 * @param session of the serving graft on the CPU, keys and values float32 and in place
 * @param text a fixed spread of tokens when empty
 * @returns by the name of a layer's present keys
 * @throws OrtError
 */
export function readKvScales(
  session: Session,
  spec: ModelSpec,
  text: readonly number[],
): Map<string, KvScales> {
  const read = text.length > 0 ? text : spreadTokens(spec.vocabularySize);
  const tokens = read.slice(0, Math.min(calibrationLength, spec.contextLength));
  const options = new RunOptions();
  const cache = new HostKvCache(spec, 0, Math.max(tokens.length, spec.slidingWindow));
  const runner = new ServingRunner(session, cache, options);
  try {
    runner.chunk(cache.scratch, tokens, 0, [], 1);
    const peaks = cache.peaks(cache.scratch, tokens.length);
    const steps = (of: Float32Array) => of.map((peak) => (Math.max(peak, 1e-6) * headroom) / largest);
    return new Map(
      spec.layers.map(({ presentKey }, layer) => {
        const { key = new Float32Array(), value = new Float32Array() } = peaks[layer] ?? {};
        return [presentKey, { key: steps(key), value: steps(value) }];
      }),
    );
  } finally {
    runner.release();
    cache.release();
    options.release();
  }
}
