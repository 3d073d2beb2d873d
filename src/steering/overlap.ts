/** Which items of one request push much the same way, for their receipts. */
import { knownCosines, meanCosine, tellingOverlap } from '../concepts/similarity.js';
import type { SteeringReceipt } from '../schemas/steering-receipt.js';
import { directionsOf, editedLayers, type ItemEdit, meet } from './item-edit.js';

type Overlaps = NonNullable<SteeringReceipt['overlaps']>;

/**
 * Of each item the others with a mean |cosine| above 0.5 over the blocks that both edit, at positions that both edit; the
 * closest first. The cosine is that of the directions as they are applied, whatever the strengths' signs.
 */
export function overlaps(edits: readonly ItemEdit[]): Overlaps[] {
  const layers = edits.map((edit) => new Set(editedLayers(edit)));
  return edits.map((edit, i) =>
    edits
      .flatMap((other, j) => {
        if (i === j || !meet(edit, other)) return [];
        const common = [...(layers[i] ?? [])].filter((layer) => layers[j]?.has(layer));
        if (common.length === 0) return [];
        const cosine = meanCosine(knownCosines(directionsOf(edit), directionsOf(other)), common);
        if (cosine === null || Math.abs(cosine) <= tellingOverlap) return [];
        return [{ concept: itemName(other), cosine }];
      })
      .sort(
        (a, b) => Math.abs(b.cosine) - Math.abs(a.cosine) || ((a.concept ?? '') < (b.concept ?? '') ? -1 : 1),
      ),
  );
}

/** How receipts call an item: by its concept, or by what the request calls its vectors. */
export const itemName = ({ item, concept }: Pick<ItemEdit, 'item' | 'concept'>): string | null =>
  'vectors' in item ? (item.name ?? null) : concept.name;
