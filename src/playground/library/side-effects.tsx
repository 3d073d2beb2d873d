/** What else steering does: to facts, to JSON, and to texts that have nothing to do with the concept. */

import type { ConceptObject } from '../../schemas/concepts.js';
import { decimalText } from '../parts/numbers.js';
import { strengthText } from '../parts/slider.js';
import { sideEffectsOf } from './figures.js';

const percent = (share: number | null): string => (share === null ? '–' : `${Math.round(100 * share)} %`);

export function SideEffects({ concept }: { readonly concept: ConceptObject }) {
  const rows = sideEffectsOf(concept);
  if (rows.length === 0) return null;
  return (
    <section class="stack-tight" aria-label="Side effects">
      <h3>Side effects</h3>
      <table class="side-effects number">
        <thead>
          <tr>
            <th scope="col">Strength</th>
            <th scope="col">Facts still right</th>
            <th scope="col">Valid JSON</th>
            <th scope="col">Other texts, nats</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ strength, facts, json, neutral }) => (
            <tr key={strength}>
              <th scope="row">{strengthText(strength)}</th>
              <td>{percent(facts)}</td>
              <td>{percent(json)}</td>
              <td>{neutral === null ? '–' : decimalText(neutral)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
