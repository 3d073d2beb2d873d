/**
 * Whether drafts are exact: whether each token of a run of several gets the logits of a decode step of its own, to the bit.
 * Products of float32 weights take other kernels for one row than for several, and a runtime may change its kernels: only
 * trying shows it.
 */
import { OnnxError } from '../../onnx/graph/model-file.js';
import { OrtError } from '../../ort/status.js';
import { HostKvCache } from '../kv/host-kv-cache.js';
import { DraftRunner } from '../run/draft-runner.js';
import type { ServingRunner } from '../run/serving-runner.js';
import type { LoadedGraphs } from './loaded-graphs.js';
import { trialTerm, trialTokens } from './trial-inputs.js';

/** Tokens before the trial's own. */
const usualPast = 33;

/**
 * Reads a few tokens in the scratch row both ways, at load.
 * @returns what is wrong; null when drafts are exact
 * @throws OrtError
 */
export function faultOfDrafts(serving: ServingRunner, drafts: DraftRunner): string | null {
  const { scratch, capacity, spec } = serving.cache;
  const past = Math.min(usualPast, capacity - drafts.tokens);
  if (past < 2) return `a context of ${capacity} tokens has no room for them`;
  const text = trialTokens(1, past + drafts.tokens, spec.vocabularySize);
  const own = text.slice(past);
  const size = spec.vocabularySize;
  serving.scratchPrefix.start([]);
  for (const edit of [[], [1, 2, 3].map((seed) => trialTerm(spec, seed))]) {
    serving.chunk(scratch, text.slice(0, past), 0, edit, 0);
    const each = own.map((token, i) => serving.chunk(scratch, [token], past + i, edit, 1).logits.slice());
    const { logits } = drafts.run(scratch, own, past, edit, false);
    if (each.some((step, i) => step.some((logit, token) => logit !== logits[i * size + token])))
      return 'the export computes one token and several at once in other ways';
  }
  return null;
}

interface OpenedDrafts {
  readonly runner: DraftRunner | null;
  /** For the log: why there is none though it was asked for. */
  readonly note: string | null;
}

const notDrafted = (why: string): OpenedDrafts => ({
  runner: null,
  note: `it writes token by token, without drafts: ${why}`,
});

/**
 * @param guessed most tokens of a draft; 0 for no drafts
 * @param serving is released after the runner of drafts, whose session is released with it
 */
export async function openDrafts(
  graphs: Pick<LoadedGraphs, 'openDrafts' | 'mixesRows'>,
  serving: ServingRunner,
  guessed: number,
): Promise<OpenedDrafts> {
  if (guessed === 0) return { runner: null, note: null };
  const { cache, runOptions } = serving;
  if (!(cache instanceof HostKvCache)) return notDrafted('they need GroupQueryAttention on the CPU');
  if (graphs.mixesRows) return notDrafted('its 8-bit arithmetic would let them change the answer');
  try {
    const tokens = guessed + 1;
    const runner = new DraftRunner(await graphs.openDrafts(tokens), cache, runOptions, tokens);
    const fault = faultOfDrafts(serving, runner);
    if (fault === null) return { runner, note: null };
    runner.release();
    return notDrafted(fault);
  } catch (error) {
    if (error instanceof OnnxError || error instanceof OrtError) return notDrafted(error.message);
    throw error;
  }
}
