/** How alike the concepts of the chosen model are: a heat map of the cosines of their directions, and the closest pairs in words. */

import { useEffect, useState } from 'preact/hooks';
import type { ConceptSimilarity } from '../../schemas/concepts.js';
import { get } from '../api/client.js';
import { inWords, isAbort } from '../api/errors.js';
import { Failed } from '../parts/failed.js';
import { decimalText } from '../parts/numbers.js';
import { PlotFigure } from '../parts/plot.js';
import { concepts, model } from '../state/library.js';
import { mostCompared } from './overlap.js';

/** Pairs that are told in words. */
const mostPairs = 8;
/** Cells in which a number still has room, and rows at which names have. */
const mostWithNumbers = 14;
const mostWithNames = 60;

interface Pair {
  readonly a: string;
  readonly b: string;
  readonly value: number;
}

export function Similarity() {
  const [found, setFound] = useState<ConceptSimilarity | { readonly error: string } | null>(null);
  const id = model.value?.id ?? '';
  const all = concepts.value.map(({ name }) => name);
  const names = all.slice(0, mostCompared).join(',');
  useEffect(() => {
    if (id === '' || !names.includes(',')) return;
    const leaving = new AbortController();
    const query = `model=${encodeURIComponent(id)}&concepts=${encodeURIComponent(names)}`;
    get<ConceptSimilarity>(`v1/concepts/similarity?${query}`, { signal: leaving.signal }).then(
      setFound,
      (error: unknown) => isAbort(error) || setFound({ error: inWords(error) }),
    );
    return () => leaving.abort();
  }, [id, names]);
  if (all.length < 2) return <p class="quiet-text">It takes two concepts to compare.</p>;
  if (found === null) return <p class="quiet-text">Comparing…</p>;
  if ('error' in found) {
    return <Failed>{found.error}</Failed>;
  }
  const pairs = pairsOf(found);
  return (
    <div class="similarity">
      <HeatMap found={found} />
      <section class="stack-tight" aria-label="The closest pairs">
        <h2>The closest pairs</h2>
        <ol class="stack-tight">
          {pairs.slice(0, mostPairs).map(({ a, b, value }) => (
            <li key={`${a} ${b}`} class="number">
              <strong>{decimalText(value)}</strong> {a} and {b}
            </li>
          ))}
        </ol>
        <p class="hint">
          The cosine of their directions, over the layers that both steer: 1 is the same direction, 0 nothing
          in common, −1 the opposite. Of close ones, steering by one shows the other too.
        </p>
        {all.length > mostCompared && (
          <p class="hint">
            The first {mostCompared} of {all.length} are compared.
          </p>
        )}
      </section>
    </div>
  );
}

function pairsOf({ concepts: compared, cosine }: ConceptSimilarity): Pair[] {
  return compared
    .flatMap((a, i) =>
      compared.slice(0, i).flatMap((b, j) => {
        const value = cosine[i]?.[j] ?? null;
        return value === null ? [] : [{ a: b.name, b: a.name, value }];
      }),
    )
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}

function HeatMap({ found }: { readonly found: ConceptSimilarity }) {
  const names = found.concepts.map(({ name }) => name);
  const cells = names.flatMap((a, i) =>
    names.flatMap((b, j): Pair[] => {
      const value = found.cosine[i]?.[j] ?? null;
      return value === null ? [] : [{ a, b, value }];
    }),
  );
  const longest = Math.min(18, Math.max(...names.map((name) => name.length)));
  const room = names.length <= mostWithNames ? 8 + 7.5 * longest : 8;
  const short = (name: string) => (name.length > 18 ? `${name.slice(0, 17)}…` : name);
  return (
    <PlotFigure
      label={`Heat map of the cosines of ${names.length} concepts with each other; the closest pairs are listed beside it`}
      data={found}
      draw={(plot, width) => ({
        height: Math.max(200, width - room + room * 0.75),
        marginLeft: room,
        marginTop: room * 0.75,
        marginBottom: 8,
        marginRight: 8,
        padding: names.length > 40 ? 0 : 0.05,
        x: {
          domain: names,
          axis: names.length <= mostWithNames ? 'top' : null,
          label: null,
          tickSize: 0,
          tickRotate: -45,
          tickFormat: short,
        },
        y: {
          domain: names,
          axis: names.length <= mostWithNames ? 'left' : null,
          label: null,
          tickSize: 0,
          tickFormat: short,
        },
        marks: [
          plot.cell(cells, {
            x: 'b',
            y: 'a',
            fill: ({ value }: Pair) => (value < 0 ? 'var(--away-solid)' : 'var(--toward-solid)'),
            fillOpacity: ({ value }: Pair) => Math.min(1, 0.04 + 0.96 * Math.abs(value)),
            title: ({ a, b, value }: Pair) => `${a} and ${b}: ${decimalText(value)}`,
          }),
          ...(names.length <= mostWithNumbers && width > 480
            ? [
                plot.text(
                  cells.filter(({ a, b }) => a !== b),
                  {
                    x: 'b',
                    y: 'a',
                    text: ({ value }: Pair) => decimalText(value),
                    fill: 'var(--ink)',
                    fontSize: 11,
                  },
                ),
              ]
            : []),
        ],
      })}
    />
  );
}
