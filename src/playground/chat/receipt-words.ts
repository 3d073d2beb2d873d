/** A receipt in words: what was done to the activations, and what to know about it. */
import type { SteeringReceipt } from '../../schemas/steering-receipt.js';
import { strengthText } from '../parts/slider.js';
import { layersInWords, positionsInWords } from './where.js';

const verbs: Readonly<Record<SteeringReceipt['operation'], (strength: number) => string>> = {
  add: (strength) => `added at strength ${strengthText(strength)}`,
  clamp: (strength) => `held at ${strengthText(strength)}`,
  ablate: (share) => (share === 1 ? 'taken out' : `${Math.round(100 * share)} % of it taken out`),
  amplify: (factor) => `made ${strengthText(factor)} times as strong`,
};

const percent = (share: number): string => `${Number((100 * share).toFixed(1))} %`;

/** All items of an answer: what was done, item by item, then what is to be known, once where it is the same of several. */
export function receiptsInWords(receipts: readonly SteeringReceipt[]): string[] {
  const said = receipts.map(sentencesOf);
  const rest = new Set(said.flatMap(([, ...more]) => more));
  return [...said.map(([first = '']) => first), ...(rest.size === 0 ? [] : [[...rest].join(' ')])];
}

/** Sentences about one item; the first says what was done. */
function sentencesOf(receipt: SteeringReceipt): string[] {
  const { concept, strength, operation, layers, positions, applied } = receipt;
  const name = concept ?? 'vectors of the request';
  const said = [
    applied
      ? `${name}, ${verbs[operation](strength)}, at ${layersInWords(layers)}, at ${positionsInWords(positions)}.`
      : `${name}: nothing was changed.`,
  ];
  if (receipt.budget !== undefined && receipt.budget.factor < 1) {
    const { asked, allowed, factor } = receipt.budget;
    const shares =
      asked === null || allowed === null
        ? ''
        : ` (${percent(allowed)} of the stream instead of ${percent(asked)})`;
    said.push(
      `To keep all concepts together within what one alone may push${shares}, each acted at ${percent(factor)} of its size.`,
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
    said.push(`This was not measured as it is: ${receipt.calibrated_why.replace(/\.$/, '')}.`);
  }
  return [...said, ...(receipt.notes ?? [])];
}
