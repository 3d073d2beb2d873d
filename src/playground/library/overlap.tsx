/** Which other concepts of its model point the same way, or the opposite one. */

import { useEffect, useState } from 'preact/hooks';
import type { ConceptObject, ConceptSimilarity } from '../../schemas/concepts.js';
import { get } from '../api/client.js';
import { isAbort } from '../api/errors.js';
import { decimalText } from '../parts/numbers.js';
import { allConcepts } from '../state/library.js';

/** Concepts that the API compares at once, this one among them. */
export const mostCompared = 100;
const mostShown = 6;

interface Near {
  readonly name: string;
  readonly cosine: number;
}

export function Overlap({
  concept: { name, model },
}: {
  readonly concept: Pick<ConceptObject, 'name' | 'model'>;
}) {
  const [near, setNear] = useState<readonly Near[] | null>(null);
  const others = allConcepts.value.filter((one) => one.model === model && one.name !== name);
  const compared = others.slice(0, mostCompared - 1).map((one) => one.name);
  const names = [name, ...compared].join(',');
  useEffect(() => {
    if (compared.length === 0) return;
    const leaving = new AbortController();
    const query = `model=${encodeURIComponent(model)}&concepts=${encodeURIComponent(names)}`;
    get<ConceptSimilarity>(`v1/concepts/similarity?${query}`, { signal: leaving.signal }).then(
      ({ concepts, cosine }) => {
        const row = cosine[concepts.findIndex((one) => one.name === name)] ?? [];
        const found = concepts.flatMap((one, i) => {
          const value = row[i] ?? null;
          return one.name === name || value === null ? [] : [{ name: one.name, cosine: value }];
        });
        setNear(found.sort((a, b) => Math.abs(b.cosine) - Math.abs(a.cosine)).slice(0, mostShown));
      },
      // It is one figure among others: without it the rest is as good.
      (error: unknown) => isAbort(error) || setNear([]),
    );
    return () => leaving.abort();
  }, [name, model, names, compared.length]);
  if (near === null || near.length === 0) return null;
  return (
    <section class="stack-tight" aria-label="Overlap with other concepts">
      <h3>Overlap with other concepts</h3>
      <ul class="overlap number">
        {near.map((one) => (
          <li key={one.name}>
            <span class="overlap-name">{one.name}</span>
            <span class="overlap-track" aria-hidden="true">
              <span
                class={one.cosine < 0 ? 'overlap-fill overlap-fill-away' : 'overlap-fill'}
                style={{ width: `${100 * Math.min(1, Math.abs(one.cosine))}%` }}
              />
            </span>
            <span>{decimalText(one.cosine)}</span>
          </li>
        ))}
      </ul>
      <p class="hint">
        The cosine of both directions: 1 is the same one, 0 nothing in common.
        {others.length > compared.length &&
          ` Compared with the first ${compared.length} of ${others.length}.`}
      </p>
    </section>
  );
}
