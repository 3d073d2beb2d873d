/** What answers look like: those that the calibration kept, and new ones at 0, 0.5, 1 and max on request. */

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ConceptObject } from '../../schemas/concepts.js';
import type { Sweep } from '../../schemas/measurements.js';
import { post } from '../api/client.js';
import { inWords, isAbort } from '../api/errors.js';
import { Failed } from '../parts/failed.js';
import { announce } from '../parts/live.js';
import { strengthText } from '../parts/slider.js';
import { samplesOf } from './figures.js';

const usualQuestion = 'What is on your mind today?';
const tokens = 40;

interface Shown {
  readonly question: string;
  readonly answers: readonly { readonly strength: number; readonly text: string }[];
}

export function Samples({ concept }: { readonly concept: ConceptObject }) {
  const { name, model, max_strength: max } = concept;
  const kept = samplesOf(concept).map(
    ({ question, plain, steered, strength }): Shown => ({
      question,
      answers: [
        { strength: 0, text: plain },
        { strength, text: steered },
      ],
    }),
  );
  const [written, setWritten] = useState<readonly Shown[] | null>(null);
  const [state, setState] = useState<'idle' | 'writing' | { readonly error: string }>('idle');
  const leaving = useRef<AbortController | null>(null);
  useEffect(() => () => leaving.current?.abort(), []);
  const strengths = [...new Set([0, 0.5, 1, ...(max === undefined ? [] : [max])])].sort((a, b) => a - b);

  async function write(): Promise<void> {
    const controller = new AbortController();
    leaving.current = controller;
    setState('writing');
    const prompts = kept.length > 0 ? kept.map(({ question }) => question) : [usualQuestion];
    const body = { model, prompts, concepts: [name], strengths, max_tokens: tokens };
    try {
      const { data } = await post<Sweep>('v1/steering/sweep', body, { signal: controller.signal });
      setWritten(
        prompts.map((question, i) => ({
          question,
          answers: data
            .filter(({ prompt }) => prompt === i)
            .map(({ strength, answer }) => ({ strength, text: answer })),
        })),
      );
      setState('idle');
      announce('The samples are written.');
    } catch (error) {
      if (!isAbort(error)) setState({ error: inWords(error) });
    }
  }

  const shown = written ?? kept;
  return (
    <section class="stack-tight" aria-label="Samples">
      <div class="row row-apart">
        <h3>Samples</h3>
        {written === null && (
          <button type="button" disabled={state === 'writing'} onClick={() => void write()}>
            {state === 'writing' ? 'Writing…' : `Write them at ${strengths.map(strengthText).join(', ')}`}
          </button>
        )}
      </div>
      {typeof state === 'object' && <Failed>{state.error}</Failed>}
      {shown.map(({ question, answers }) => (
        <div key={question} class="stack-tight">
          <p class="sample-question">{question}</p>
          <dl class="samples">
            {answers.map(({ strength, text }) => (
              <div key={strength} class={strength === 0 ? 'sample' : 'sample sample-steered'}>
                <dt class="label">{strength === 0 ? 'plain' : `strength ${strengthText(strength)}`}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
    </section>
  );
}
