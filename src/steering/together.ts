/** What a request's items come to together: shared parts taken out where asked, one budget, overlaps told. */
import type { SteeringBudget } from '../schemas/steering.js';
import type { SteeringReceipt } from '../schemas/steering-receipt.js';
import { jointBudget, withinBudget } from './budget.js';
import type { ItemEdit } from './item-edit.js';
import { orthogonalize } from './orthogonalize.js';
import { overlaps } from './overlap.js';

/** One of several items as it is applied. */
export interface JointEdit {
  readonly edit: ItemEdit;
  /** What its receipt says of the others. */
  readonly told: Pick<SteeringReceipt, 'overlaps' | 'orthogonalized' | 'budget'>;
}

/**
 * A lone item without a budget of its own stays as it is.
 * @param alone what each item comes to by itself, in the request's order
 * @param field the request's name of the budget, for errors
 * @throws SteerdError invalid_value
 */
export function applyTogether(
  alone: readonly ItemEdit[],
  budget: SteeringBudget,
  field: string,
): JointEdit[] {
  const apart = orthogonalize(alone);
  const joint = jointBudget(
    alone,
    apart.map(({ edit }) => edit),
    budget,
    field,
  );
  const edits = apart.map(({ edit }, i) => (joint?.counts[i] ? withinBudget(edit, joint.told.factor) : edit));
  const close = overlaps(edits);
  return edits.map((edit, i) => {
    const orthogonalized = apart[i]?.told;
    return {
      edit,
      told: {
        ...(close[i]?.length && { overlaps: close[i] }),
        ...(orthogonalized && { orthogonalized }),
        ...(joint?.counts[i] && { budget: joint.told }),
      },
    };
  });
}
