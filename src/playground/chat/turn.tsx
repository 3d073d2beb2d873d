/** A question with its answers side by side, the curve of a concept over both, and what to do with them. */

import { useSignal } from '@preact/signals';
import { CodeDialog } from '../parts/code-dialog.js';
import { Failed } from '../parts/failed.js';
import { Icon } from '../parts/icon.js';
import { AnswerColumn } from './answer-column.js';
import { again, isRunning, keep, type Turn } from './conversation.js';
import { Curve } from './curve.js';
import { seeing, tinting } from './seeing.js';

interface TurnProps {
  readonly turn: Turn;
  readonly last: boolean;
}

export function TurnView({ turn, last }: TurnProps) {
  const { id, question, answers, monitored, kept, error, seconds, request } = turn;
  const coding = useSignal(false);
  const chosen = monitored.findIndex(({ concept }) => concept === tinting.value);
  const shown = seeing.value && monitored.length > 0 ? Math.max(0, chosen) : null;
  const names = request.steering?.choices[1].map(({ concept }) => concept).join(' + ');
  for (const { version } of answers) version.value;
  const isFollowUp = request.messages.some(({ role }) => role === 'assistant');
  const open = answers.some(({ isOpen }) => isOpen);
  return (
    <article class={last && isFollowUp ? 'turn turn-followed' : 'turn'}>
      <h2 class="question">{question}</h2>
      <div class={answers.length > 1 ? 'answers answers-two' : 'answers'}>
        {answers.map((answer, i) => (
          <AnswerColumn
            key={answer.steered}
            answer={answer}
            title={answer.steered ? `Steered: ${names}` : 'Plain'}
            monitored={monitored}
            shown={shown}
            kept={kept === i}
            onKeep={answers.length > 1 ? () => keep(id, i) : undefined}
          />
        ))}
      </div>
      {error !== null && <Failed>{error}</Failed>}
      {shown !== null && <Legend concept={monitored[shown]?.concept ?? ''} />}
      {shown !== null && <Curve answers={answers} monitored={monitored} shown={shown} />}
      {!open && (
        <div class="row turn-actions">
          {last && (
            <button type="button" class="quiet" disabled={isRunning.value} onClick={again}>
              <Icon name="again" /> Again
            </button>
          )}
          <button
            type="button"
            class="quiet"
            onClick={() => {
              coding.value = true;
            }}
          >
            <Icon name="code" /> As code
          </button>
          <span class="quiet-text number turn-numbers">
            {numbersInWords(turn)}
            {seconds !== null && ` · seed ${request.seed}`}
          </span>
        </div>
      )}
      {coding.value && (
        <CodeDialog
          call={{ path: 'v1/chat/completions', body: request }}
          onClose={() => {
            coding.value = false;
          }}
        />
      )}
    </article>
  );
}

const Legend = ({ concept }: { readonly concept: string }) => (
  <p class="legend">
    <span>away from {concept}</span>
    <span class="legend-scale" aria-hidden="true" />
    <span>towards {concept}</span>
    <span class="legend-hint">
      Point at a token, or go through them with the arrow keys, for its numbers.
    </span>
  </p>
);

function numbersInWords({ answers, seconds }: Turn): string {
  const count = answers.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (seconds === null) return '';
  const time = `${seconds.toFixed(1)} s`;
  return count === 0 ? time : `${count} tokens in ${time}, ${Math.round(count / seconds)} a second`;
}
