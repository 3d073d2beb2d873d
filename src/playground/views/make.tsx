/** Make: a concept from a sentence, from pairs or from a file, followed while it is fitted, and shown when it is there. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { Figures } from '../library/concept-figures.js';
import { ImportForm } from '../library/import-dialog.js';
import { useConcept } from '../library/use-concept.js';
import { isOver, make, making, type Options, resume } from '../make/fit.js';
import { How } from '../make/how.js';
import { MakingCard } from '../make/making-card.js';
import { readPairs } from '../make/pairs.js';
import { Page } from '../parts/page.js';
import { Tabs } from '../parts/tabs.js';
import { chatWith } from '../state/chat-link.js';
import { conceptNamed, model } from '../state/library.js';

const kinds = ['A sentence', 'Pairs of texts', 'A file'] as const;
type Kind = (typeof kinds)[number];

interface Draft {
  readonly name: string;
  readonly message: string;
  readonly pasted: string;
  readonly options: Options;
}

/** What is typed stays when somebody looks at another view. */
const draft = signal<Draft>({
  name: '',
  message: '',
  pasted: '',
  options: { calibrate: true, seed: 0 },
});

export default function Make() {
  const [kind, setKind] = useState<Kind>('A sentence');
  const [imported, setImported] = useState<{ readonly name: string; readonly model: string } | null>(null);
  const current = making.value;
  const busy = current !== null && !isOver(current);
  useEffect(() => {
    void resume();
  }, []);
  return (
    <Page
      title="Make"
      lead="Describe a mood, a manner, a persona or a topic. The model answers with and without it, and what differs inside becomes the concept."
    >
      <div class="card">
        <Tabs label="What the concept is made from" tabs={kinds} chosen={kind} onChoose={setKind}>
          {kind === 'A file' ? (
            <ImportForm onDone={(name) => setImported({ name, model: model.value?.id ?? '' })} />
          ) : (
            <Asked kind={kind} busy={busy} />
          )}
        </Tabs>
      </div>
      {kind !== 'A file' && current !== null && <MakingCard making={current} />}
      {kind !== 'A file' && current?.status === 'succeeded' && (
        <Made key={current.id} name={current.name} model={current.model} />
      )}
      {kind === 'A file' && imported !== null && <Made {...imported} />}
    </Page>
  );
}

interface AskedProps {
  readonly kind: Exclude<Kind, 'A file'>;
  readonly busy: boolean;
}

function Asked({ kind, busy }: AskedProps) {
  const { name, message, pasted, options } = draft.value;
  const change = (part: Partial<Draft>) => {
    draft.value = { ...draft.value, ...part };
  };
  const { pairs, faults } = readPairs(pasted);
  const taken = conceptNamed(name.trim()) !== undefined;
  const fromPairs = kind === 'Pairs of texts';
  const ready = name.trim() !== '' && (fromPairs ? pairs.length >= 2 : message.trim() !== '');
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!ready || busy) return;
        const { recipe, ...others } = options;
        void make({
          ...others,
          ...(recipe !== undefined && !fromPairs && { recipe }),
          name: name.trim(),
          message: fromPairs ? '' : message.trim(),
          examples: fromPairs ? pairs : [],
        });
      }}
    >
      <label class="field make-name">
        <span>Name</span>
        <input
          value={name}
          required
          maxLength={128}
          placeholder="winter"
          onInput={({ currentTarget }) => change({ name: currentTarget.value })}
        />
      </label>
      {taken && <p class="hint">There is a concept of this name: a new fit becomes its next version.</p>}
      {fromPairs ? (
        <PairsFields
          pasted={pasted}
          count={pairs.length}
          faults={faults}
          onPaste={(text) => change({ pasted: text })}
        />
      ) : (
        <label class="field">
          <span>What you would tell the model to be</span>
          <textarea
            rows={3}
            value={message}
            placeholder="You are obsessed with winter: snow, ice and cold come up in every sentence."
            onInput={({ currentTarget }) => change({ message: currentTarget.value })}
          />
        </label>
      )}
      <How options={options} withRecipe={!fromPairs} onChange={(next) => change({ options: next })} />
      <div class="row">
        <button type="submit" class="primary" disabled={!ready || busy}>
          {busy ? 'A fit is running' : 'Make it'}
        </button>
        <span class="hint">
          This takes a few minutes on a laptop; the server goes on answering meanwhile.
        </span>
      </div>
    </form>
  );
}

interface PairsFieldsProps {
  readonly pasted: string;
  readonly count: number;
  readonly faults: readonly string[];
  readonly onPaste: (text: string) => void;
}

const PairsFields = ({ pasted, count, faults, onPaste }: PairsFieldsProps) => (
  <div class="stack-tight">
    <label class="field">
      <span>One pair a line: with the concept, then without. CSV, tabs, or JSON lines</span>
      <textarea
        rows={8}
        value={pasted}
        placeholder={'Snow lay deep on every roof.,Bread lay fresh on every table.'}
        onInput={({ currentTarget }) => onPaste(currentTarget.value)}
      />
    </label>
    <label class="field">
      <span>Or a file with such lines</span>
      <input
        type="file"
        accept=".csv,.tsv,.jsonl,.json,.txt"
        onChange={({ currentTarget }) => {
          void currentTarget.files?.[0]?.text().then(onPaste);
        }}
      />
    </label>
    <p class="hint">{count === 1 ? 'One pair' : `${count} pairs`}; eight are a good start.</p>
    {faults.slice(0, 3).map((fault) => (
      <p key={fault} class="notice notice-warn">
        {fault}
      </p>
    ))}
  </div>
);

function Made({ name, model }: { readonly name: string; readonly model: string }) {
  const concept = useConcept(name, model);
  return (
    <section class="stack" aria-label={`What was measured on ${name}`}>
      <div class="row row-apart">
        <h2>{name}</h2>
        <a class="button" href={chatWith(name, model)}>
          Try it in the chat
        </a>
      </div>
      {concept !== null && 'prefix' in concept && <Figures concept={concept} />}
    </section>
  );
}
