/** One answer: its text, tinted where a concept is read, its receipt, and what can be done with it. */
import { copy } from '../parts/clipboard.js';
import { Icon } from '../parts/icon.js';
import { decimalText } from '../parts/numbers.js';
import { TokenText } from '../parts/token-text.js';
import type { Answer, Monitored } from './answer.js';
import { receiptsInWords } from './receipt-words.js';

interface AnswerColumnProps {
  readonly answer: Answer;
  readonly title: string;
  readonly monitored: readonly Monitored[];
  /** Index of the concept that tints; null for plain text. */
  readonly shown: number | null;
  readonly kept: boolean;
  /** Not there where there is but one answer. */
  readonly onKeep?: (() => void) | undefined;
}

const endings: Readonly<Partial<Record<Answer['state'], string>>> = {
  cut: 'Cut at the most tokens that were asked for.',
  stopped: 'Stopped.',
  failed: 'Broken off.',
};

export function AnswerColumn({ answer, title, monitored, shown, kept, onKeep }: AnswerColumnProps) {
  answer.version.value;
  const { state, text, reasoning, tokens, means, receipts, steered } = answer;
  const tinted = shown !== null && answer.drawn > 0 && monitored[shown] !== undefined;
  const ending = endings[state];
  return (
    <section
      class={steered ? 'answer answer-steered' : 'answer'}
      aria-label={title}
      aria-busy={answer.isOpen}
    >
      <header class="answer-head">
        <h3>{title}</h3>
        <div class="row answer-actions">
          {onKeep && (
            <label class="check quiet-text" title="The conversation goes on with this answer">
              <input type="radio" checked={kept} onChange={onKeep} /> keep
            </label>
          )}
          <button
            type="button"
            class="icon"
            aria-label={`Copy: ${title}`}
            disabled={text === ''}
            onClick={() => void copy(text, 'The answer')}
          >
            <Icon name="copy" />
          </button>
        </div>
      </header>
      {reasoning !== '' && (
        <details>
          <summary>reasoning</summary>
          <p class="answer-text quiet-text">{reasoning}</p>
        </details>
      )}
      {state === 'waiting' && reasoning === '' && (
        <p class="waiting" aria-hidden="true">
          <span />
          <span />
          <span />
        </p>
      )}
      {tinted ? (
        <>
          {!answer.isOpen && <p class="hidden-visually">{text}</p>}
          <TokenText
            label={`${title}, token by token, with what ${monitored[shown]?.concept} reads`}
            tokens={tokens}
            count={answer.drawn}
            concepts={monitored.map(({ concept }) => concept)}
            shown={shown}
            unit={unitOf(answer, monitored, shown)}
          />
        </>
      ) : (
        <p class="answer-text">{text}</p>
      )}
      {(ending !== undefined || means.length > 0 || receipts.length > 0) && !answer.isOpen && (
        <footer class="answer-foot">
          {ending !== undefined && <p>{ending}</p>}
          {receiptsInWords(receipts).map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
          {means.length > 0 && <p>{meansInWords(monitored, means)}</p>}
        </footer>
      )}
    </section>
  );
}

/** 1 in calibrated units; without such, the largest reading of the answer. */
function unitOf({ tokens }: Answer, monitored: readonly Monitored[], shown: number): number {
  if (monitored[shown]?.scale === 'calibrated') return 1;
  return Math.max(1e-6, ...tokens.slice(0, 512).map(({ values }) => Math.abs(values[shown] ?? 0)));
}

function meansInWords(monitored: readonly Monitored[], means: readonly (number | null)[]): string {
  const said = monitored.map(({ concept }, i) => {
    const mean = means[i];
    return `${concept} ${mean === null || mean === undefined ? 'nothing' : decimalText(mean)}`;
  });
  return `On average it reads ${said.join(', ')}.`;
}
