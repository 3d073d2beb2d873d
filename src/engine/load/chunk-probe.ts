/** Into what chunks a prompt may be cut for an export on its device: found by trying, since neither declares it. */
import { RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { OrtError } from '../../ort/status.js';
import { openScratchCache } from '../kv/open-kv-cache.js';
import type { ModelSpec } from '../model-spec.js';
import { ServingRunner } from '../run/serving-runner.js';
import { logitDistance, trialTokens } from './trial-inputs.js';

export interface ChunkLimits {
  /**
   * False for a graph that takes a prompt in one piece only: some graphs with written-out attention make a mask for a
   * whole prompt or for one token, and fail on several tokens after a past.
   */
  readonly inPieces: boolean;
  /** Tokens of the longest chunk whose logits are right; Infinity for no limit. */
  readonly longest: number;
}

/** From 32 tokens on WebGPU has another attention kernel, which drivers with narrow subgroups compute wrong. */
const longestOfShortKernel = 31;
const probed = 40;
/** How far kernels may be apart, as a share of the largest logit; a wrong one is off by several times as much. */
const tolerance = 0.05;

/**
 * Finds the limits with a few short runs.
 * @throws OrtError when the device cannot compute the graph at all: this shows only in a run
 */
export function chunkLimits(spec: ModelSpec, session: Session): ChunkLimits {
  const options = new RunOptions();
  const cache = openScratchCache(spec, session, Math.max(probed, spec.slidingWindow));
  const runner = new ServingRunner(session, cache, options);
  const logits = (sizes: readonly number[]): Float32Array => {
    let past = 0;
    let last = new Float32Array(0);
    for (const size of sizes) {
      const tokens = trialTokens(past, size, spec.vocabularySize);
      last = runner.chunk(cache.scratch, tokens, past, [], size).logits.slice();
      past += size;
    }
    return last;
  };
  try {
    logits([1]);
    if (spec.kvLayout === 'concatenated' && !runs(() => logits([2, 2])))
      return { inPieces: false, longest: Number.POSITIVE_INFINITY };
    if (!session.device || spec.contextLength < probed)
      return { inPieces: true, longest: Number.POSITIVE_INFINITY };
    const half = probed / 2;
    const whole = logits([probed]).subarray(half * spec.vocabularySize);
    const { apart, largest } = logitDistance(logits([half, half]), whole);
    return {
      inPieces: true,
      longest: apart <= tolerance * largest ? Number.POSITIVE_INFINITY : longestOfShortKernel,
    };
  } finally {
    runner.release();
    cache.release();
    options.release();
  }
}

function runs(run: () => void): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof OrtError) return false;
    throw error;
  }
}
