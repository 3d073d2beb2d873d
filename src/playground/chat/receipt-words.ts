/** A receipt in words: what was done to the activations, and what to know about it. */
import type { SteeringReceipt } from '../../schemas/steering-receipt.js';
import { strengthText } from '../parts/slider.js';
import { blocksInWords, positionsInWords } from './where.js';

const verbs: Readonly<Record<SteeringReceipt['operation'], (strength: number) => string>> = {
  add: (strength) => `added at strength ${strengthText(strength)}`,
  clamp: (strength) => `held at ${strengthText(strength)}`,
  ablate: (share) => (share === 1 ? 'taken out' : `${Math.round(100 * share)} % of it taken out`),
  amplify: (factor) => `made ${strengthText(factor)} times as strong`,
};

const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;

/** Sentences about one item; the first says what was done. */
export function receiptInWords(receipt: SteeringReceipt): string[] {
  const { concept, strength, operation, layers, positions, applied } = receipt;
  const name = concept ?? 'vectors of the request';
  const said = [
    applied
      ? `${name}, ${verbs[operation](strength)}, at the outputs of ${blocksInWords(layers)}, in ${positionsInWords(positions)}.`
      : `${name}: nothing was changed.`,
  ];
  if (receipt.budget !== undefined && receipt.budget.factor < 1) {
    const { asked, allowed, factor } = receipt.budget;
    const shares =
      asked === null || allowed === null
        ? ''
        : ` (${percent(allowed)} of the stream instead of ${percent(asked)})`;
    said.push(
      `To keep all concepts together within what one alone may push${shares}, it acted at ${percent(factor)} of its size.`,
    );
  }
  if (receipt.orthogonalized !== undefined) {
    said.push(`What it shares with ${receipt.orthogonalized.to.join(', ')} was taken out first.`);
  }
  for (const { concept: other, cosine } of receipt.overlaps ?? []) {
    said.push(
      `Its direction is much the ${cosine > 0 ? 'same as' : 'opposite of'} ${other ?? 'another one'} (cosine ${cosine.toFixed(2)}).`,
    );
  }
  if (!receipt.calibrated && receipt.calibrated_why !== undefined) {
    said.push(`Not measured just like this: ${receipt.calibrated_why}`);
  }
  return [...said, ...(receipt.notes ?? [])];
}
