/** Choosing a regularisation on the validation examples. */
import type { RidgeFit } from '../linear-algebra/weighted-ridge.js';
import type { SplitRows } from './labelled-rows.js';

export interface Candidate {
  readonly fit: RidgeFit;
  /** On the validation examples. */
  readonly loss: number;
}

/**
 * The candidate of least loss, the stronger regularisation winning ties. With nothing held out the loss would
 * only ask for the weakest one, so the strongest is taken: its direction is near the difference of means.
 * @param settings from strong to weak; each is tried after the one before.
 * @returns null when none gives a finite loss.
 */
export function bestOfGrid(
  { heldOut }: SplitRows,
  settings: readonly number[],
  attempt: (setting: number) => Candidate | null,
): (Candidate & { readonly setting: number }) | null {
  let best: (Candidate & { readonly setting: number }) | null = null;
  for (const setting of heldOut ? settings : settings.slice(0, 1)) {
    const candidate = attempt(setting);
    if (candidate === null || !Number.isFinite(candidate.loss)) continue;
    if (best === null || candidate.loss < best.loss) best = { ...candidate, setting };
  }
  return best;
}
