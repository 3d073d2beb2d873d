/** Make: a concept from a sentence or from pairs, followed while it is fitted, and shown when it is there. */
import { useState } from 'preact/hooks';
import { Figures } from '../library/concept-figures.js';
import { useConcept } from '../library/use-concept.js';
import { isOver, make, making } from '../make/fit.js';
import { MakingCard } from '../make/making-card.js';
import { readPairs } from '../make/pairs.js';
import { Page } from '../parts/page.js';
import { Tabs } from '../parts/tabs.js';
import { conceptNamed } from '../state/library.js';
import { href } from '../state/route.js';

const kinds = ['A sentence', 'Pairs of texts'] as const;

export default function Make() {
  const current = making.value;
  const busy = current !== null && !isOver(current);
  return (
    <Page
      title="Make"
      lead="Describe a mood, a manner, a persona or a topic. The model answers questions with and without it, and what differs inside becomes the concept."
    >
      <Asked busy={busy} />
      {current !== null && <MakingCard making={current} />}
      {current?.status === 'succeeded' && <Made name={current.name} model={current.model} />}
    </Page>
  );
}

function Asked({ busy }: { readonly busy: boolean }) {
  const [from, setFrom] = useState<(typeof kinds)[number]>('A sentence');
  const [name, setName] = useState('');
  const [message, setMessage] = useState('');
  const [pasted, setPasted] = useState('');
  const { pairs, faults } = readPairs(pasted);
  const taken = conceptNamed(name) !== undefined;
  const ready = name !== '' && (from === 'A sentence' ? message.trim() !== '' : pairs.length >= 2);
  return (
    <form
      class="stack card"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && !busy)
          void make({ name, message: message.trim(), examples: from === 'Pairs of texts' ? pairs : [] });
      }}
    >
      <label class="field">
        <span>Name</span>
        <input
          value={name}
          required
          maxLength={64}
          pattern="[A-Za-z0-9][A-Za-z0-9._\-]*"
          placeholder="winter"
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      {taken && <p class="hint">There is a concept of this name: a new fit becomes its next version.</p>}
      <Tabs label="What the concept is made from" tabs={kinds} chosen={from} onChoose={setFrom}>
        {from === 'A sentence' ? (
          <label class="field">
            <span>What you would tell the model to be</span>
            <textarea
              rows={3}
              value={message}
              placeholder="You are obsessed with winter: snow, ice and cold come up in every sentence."
              onInput={({ currentTarget }) => setMessage(currentTarget.value)}
            />
          </label>
        ) : (
          <div class="stack-tight">
            <label class="field">
              <span>One pair a line: with the concept, then without. CSV, tabs, or JSON lines</span>
              <textarea
                rows={8}
                value={pasted}
                placeholder={'Snow lay deep on every roof.,Bread lay fresh on every table.'}
                onInput={({ currentTarget }) => setPasted(currentTarget.value)}
              />
            </label>
            <label class="field">
              <span>Or a file with such lines</span>
              <input
                type="file"
                accept=".csv,.tsv,.jsonl,.txt"
                onChange={({ currentTarget }) => {
                  void currentTarget.files?.[0]?.text().then(setPasted);
                }}
              />
            </label>
            <p class="hint">
              {pairs.length === 1 ? 'One pair' : `${pairs.length} pairs`}; eight are a good begin.
            </p>
            {faults.slice(0, 3).map((fault) => (
              <p key={fault} class="notice notice-warn">
                {fault}
              </p>
            ))}
          </div>
        )}
      </Tabs>
      <div class="row">
        <button type="submit" disabled={!ready || busy}>
          {busy ? 'A fit is running' : 'Make it'}
        </button>
        <span class="hint">
          This takes a few minutes on a laptop; the server goes on answering meanwhile.
        </span>
      </div>
    </form>
  );
}

function Made({ name, model }: { readonly name: string; readonly model: string }) {
  const concept = useConcept(name, model);
  return (
    <section class="stack" aria-label={`What was measured on ${name}`}>
      <div class="row row-apart">
        <h2>{name}</h2>
        <a class="button" href={href('chat', new URLSearchParams({ concept: `${name}:1` }))}>
          Try it in the chat
        </a>
      </div>
      {concept !== null && 'prefix' in concept && <Figures concept={concept} />}
    </section>
  );
}
