/** Chooses the strength of a regularisation on the validation rows. */
import type { RidgeFit } from '../linear-algebra/weighted-ridge.js';
import type { SplitRows } from './labelled-rows.js';

interface GridFit {
  readonly fit: RidgeFit;
  /** On the validation rows. */
  readonly loss: number;
}

/**
 * The fit of least loss, the stronger regularisation winning ties. With nothing held out the loss would always choose
 * the weakest regularisation, so the strongest is taken: its direction is near the difference in means.
 * @param settings from strong to weak; each is tried after the one before.
 * @returns null when none gives a finite loss.
 */
export function bestOfGrid(
  { heldOut }: SplitRows,
  settings: readonly number[],
  attempt: (setting: number) => GridFit | null,
): (GridFit & { readonly setting: number }) | null {
  let best: (GridFit & { readonly setting: number }) | null = null;
  for (const setting of heldOut ? settings : settings.slice(0, 1)) {
    const fitted = attempt(setting);
    if (fitted === null || !Number.isFinite(fitted.loss)) continue;
    if (best === null || fitted.loss < best.loss) best = { ...fitted, setting };
  }
  return best;
}
