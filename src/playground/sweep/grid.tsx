/** The answers of one concept: prompts down, strengths across, each with its numbers, the best of each row marked. */
import { Icon } from '../parts/icon.js';
import { strengthText } from '../parts/slider.js';
import type { Run } from './run.js';
import { bestStrength, meansOf, type Scored } from './scores.js';

interface GridProps {
  readonly run: Run;
  readonly rows: readonly Scored[];
  readonly concept: string;
}

const shareText = (value: number | null): string => (value === null ? '–' : value.toFixed(2));

export function Grid({ run, rows, concept }: GridProps) {
  const means = meansOf(rows, concept);
  const best = bestStrength(means);
  const cells = new Map(
    rows.filter((row) => row.concept === concept).map((row) => [`${row.prompt} ${row.strength}`, row]),
  );
  return (
    <div class="stack-tight">
      <div class="row row-apart">
        <h2>{concept}</h2>
        {best !== null && (
          <p class="hint">
            Best on average: <strong>strength {strengthText(best)}</strong>
          </p>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keyboards must reach it */}
      <section class="sweep-scroll" tabIndex={0} aria-label={`Table of answers by ${concept}`}>
        <table class="sweep-grid" style={{ '--columns': run.strengths.length }}>
          <thead>
            <tr>
              <th scope="col">Prompt</th>
              {run.strengths.map((strength) => (
                <th key={strength} scope="col" class={strength === best ? 'sweep-best-column' : undefined}>
                  {strength === 0 ? 'plain' : `strength ${strengthText(strength)}`}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {run.prompts.map((prompt, index) => (
              // Prompts may be the same, and stay where they are.
              <tr key={index}>
                <th scope="row">{prompt}</th>
                {run.strengths.map((strength) => (
                  <Cell
                    key={strength}
                    strength={strength}
                    row={cells.get(`${index} ${strength}`)}
                    waits={run.state === 'running'}
                  />
                ))}
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">Mean</th>
              {means.map(({ strength, shown, fluency, together }) => (
                <td key={strength} class="number">
                  <span class="sweep-strength">
                    {strength === 0 ? 'plain' : `strength ${strengthText(strength)}`}
                  </span>
                  <Numbers shown={shown} fluency={fluency} together={together} />
                </td>
              ))}
            </tr>
          </tfoot>
        </table>
      </section>
    </div>
  );
}

interface CellProps {
  readonly strength: number;
  readonly row: Scored | undefined;
  readonly waits: boolean;
}

function Cell({ strength, row, waits }: CellProps) {
  const name = strength === 0 ? 'plain' : `strength ${strengthText(strength)}`;
  if (row === undefined)
    return (
      <td class="quiet-text">
        <span class="sweep-strength">{name}</span>
        {waits ? '…' : '–'}
      </td>
    );
  return (
    <td class={row.best ? 'sweep-best' : undefined}>
      <span class="sweep-strength">{name}</span>
      {row.best && (
        <span class="chip sweep-chip">
          <Icon name="check" /> best
        </span>
      )}
      <p class="sweep-answer">{row.answer === '' ? <em>nothing</em> : row.answer}</p>
      <Numbers shown={row.shown} fluency={row.fluency} together={row.together} />
    </td>
  );
}

const Numbers = ({ shown, fluency, together }: Pick<Scored, 'shown' | 'fluency' | 'together'>) => (
  <dl class="sweep-numbers number">
    <div>
      <dt title="What it shows of the concept, as a share of the most here">concept</dt>
      <dd>{shareText(shown)}</dd>
    </div>
    <div>
      <dt title="How well it reads, compared with the plain answer">fluency</dt>
      <dd>{shareText(fluency)}</dd>
    </div>
    <div>
      <dt title="Harmonic mean of both">together</dt>
      <dd>{shareText(together)}</dd>
    </div>
  </dl>
);
