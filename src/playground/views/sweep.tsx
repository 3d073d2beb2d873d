/** Sweep: strengths times prompts for one or more concepts, as a grid of answers. */

import { effect } from '@preact/signals';
import { useState } from 'preact/hooks';
import { saveFile } from '../api/client.js';
import { copy } from '../parts/clipboard.js';
import { CodeDialog } from '../parts/code-dialog.js';
import { ConceptChips } from '../parts/concept-chips.js';
import { ConceptPicker } from '../parts/concept-picker.js';
import { Failed } from '../parts/failed.js';
import { Icon } from '../parts/icon.js';
import { Page } from '../parts/page.js';
import { chooseModel, model, models } from '../state/library.js';
import { keepInUrl, linkTo, route } from '../state/route.js';
import { sweepAsCsv } from '../sweep/csv.js';
import { Grid } from '../sweep/grid.js';
import { isRunning, type Run, run, stop, sweep, sweepBody } from '../sweep/run.js';
import { type Scored, scored } from '../sweep/scores.js';
import { change, limits, paramsOf, promptsOf, setUp, setUpOf, strengthsOf } from '../sweep/set-up.js';

const here = () => route.value.view === 'sweep';

/** A link brings its set-up. */
effect(() => {
  const { params } = route.value;
  if (here() && params.size > 0) setUp.value = setUpOf(params);
});

effect(() => {
  const wanted = here() ? route.value.params.get('model') : null;
  if (wanted !== null && models.value.some(({ id }) => id === wanted)) chooseModel(wanted);
});

const shareable = (): URLSearchParams => {
  const params = paramsOf(setUp.value);
  if (models.value.length > 1 && model.value !== null) params.set('model', model.value.id);
  return params;
};

effect(() => {
  if (here()) keepInUrl('sweep', shareable());
});

export default function Sweep() {
  const current = run.value;
  const rows = current === null ? [] : scored(current.answers);
  return (
    <Page
      title="Sweep"
      lead="The same prompts at several strengths, side by side, with what each answer shows of the concept and how well it reads."
      wide
      actions={
        <>
          <button
            type="button"
            class="quiet"
            onClick={() => void copy(linkTo('sweep', shareable()), 'The link to this sweep')}
          >
            <Icon name="link" /> Share
          </button>
          <button
            type="button"
            class="quiet"
            disabled={rows.length === 0}
            onClick={() => current !== null && exportCsv(current, rows)}
          >
            <Icon name="download" /> CSV
          </button>
        </>
      }
    >
      <Asked running={isRunning(current)} />
      {current !== null && <State run={current} />}
      {current !== null &&
        rows.length > 0 &&
        current.concepts.map((concept) => <Grid key={concept} run={current} rows={rows} concept={concept} />)}
    </Page>
  );
}

const exportCsv = ({ concepts, prompts }: Run, rows: readonly Scored[]): void =>
  // The sign at the begin tells spreadsheets that it is UTF-8.
  saveFile(
    `sweep-${concepts.join('-').slice(0, 80)}.csv`,
    new Blob(['\ufeff', sweepAsCsv(rows, prompts)], { type: 'text/csv' }),
  );

function State({ run: { state, done, prompts } }: { readonly run: Run }) {
  if (typeof state === 'object') return <Failed>{state.error}</Failed>;
  if (state === 'stopped')
    return (
      <p class="notice">
        Stopped after {done} of {prompts.length} prompts.
      </p>
    );
  if (state === 'done') return null;
  const what = `${done} of ${prompts.length} prompts answered`;
  return (
    <div class="stack-tight">
      <progress value={done} max={prompts.length} aria-label="Prompts answered" />
      <p class="hint">{what}</p>
    </div>
  );
}

function Asked({ running }: { readonly running: boolean }) {
  const [coding, setCoding] = useState(false);
  const { concepts, strengths, prompts, maxTokens } = setUp.value;
  const { numbers, wrong } = strengthsOf(strengths);
  const asked = promptsOf(prompts);
  const count = concepts.length * numbers.length * asked.length;
  const fault =
    wrong.length > 0
      ? `Not a strength: ${wrong.slice(0, 3).join(', ')}.`
      : numbers.length > limits.strengths
        ? `At most ${limits.strengths} strengths.`
        : asked.length > limits.prompts
          ? `At most ${limits.prompts} prompts.`
          : null;
  const ready = count > 0 && fault === null;
  const wanted = { concepts, strengths: numbers, prompts: asked, maxTokens };
  return (
    <form
      class="card sweep-asked"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !running) void sweep(wanted);
      }}
    >
      <div class="stack-tight">
        <span class="label">Concepts</span>
        <ConceptChips
          label="Chosen concepts"
          names={concepts}
          action="Remove"
          onChange={(names) => change({ concepts: names })}
        />
        {concepts.length < limits.concepts && (
          <ConceptPicker
            label="Add a concept to sweep"
            without={concepts}
            onPick={(name) => change({ concepts: [...concepts, name] })}
          />
        )}
        <div class="sweep-numbers-asked">
          <label class="field">
            <span>Strengths</span>
            <input
              value={strengths}
              inputMode="decimal"
              spellcheck={false}
              onInput={({ currentTarget }) => change({ strengths: currentTarget.value })}
            />
          </label>
          <label class="field">
            <span>Tokens each</span>
            <input
              type="number"
              class="number"
              min={1}
              max={limits.tokens}
              value={maxTokens}
              onChange={({ currentTarget }) => {
                const typed = Math.round(currentTarget.valueAsNumber);
                if (typed >= 1) change({ maxTokens: Math.min(limits.tokens, typed) });
                else currentTarget.value = String(maxTokens);
              }}
            />
          </label>
        </div>
        <p class="hint">0, the plain answer, is always among them.</p>
      </div>
      <label class="field sweep-prompts">
        <span>Prompts, one a line</span>
        <textarea
          rows={5}
          value={prompts}
          onInput={({ currentTarget }) => change({ prompts: currentTarget.value })}
        />
      </label>
      <div class="row sweep-go">
        {running ? (
          <button
            type="button"
            class="primary"
            onClick={(event) => {
              // The button, which keeps the focus, becomes the one that sends the form before its click is over.
              event.preventDefault();
              stop();
            }}
          >
            <Icon name="stop" /> Stop
          </button>
        ) : (
          <button type="submit" class="primary" disabled={!ready}>
            Sweep
          </button>
        )}
        <button type="button" class="quiet" disabled={!ready} onClick={() => setCoding(true)}>
          <Icon name="code" /> As code
        </button>
        <span class={fault === null ? 'hint' : 'concept-warning'} role={fault === null ? undefined : 'alert'}>
          {fault ?? (concepts.length === 0 ? 'Choose a concept first.' : `${count} answers`)}
        </span>
      </div>
      {coding && (
        <CodeDialog
          call={{ path: 'v1/steering/sweep', body: sweepBody(wanted, model.value?.id ?? '') }}
          onClose={() => setCoding(false)}
        />
      )}
    </form>
  );
}
