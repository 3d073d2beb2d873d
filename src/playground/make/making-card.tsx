/** How far a fit is: stages, shares, times, and a way to stop it. */

import { useEffect, useState } from 'preact/hooks';
import { Failed } from '../parts/failed.js';
import { Icon } from '../parts/icon.js';
import { toastError } from '../parts/toasts.js';
import { cancel, isOver, type Making } from './fit.js';
import { type Stage, secondsLeft, stageText, timeText } from './stages.js';

const words: Readonly<Record<Making['status'], string>> = {
  asking: 'Asking the server',
  queued: 'Waiting for other fits',
  running: 'Being made',
  succeeded: 'Done',
  failed: 'Failed',
  cancelled: 'Stopped',
  refused: 'Refused',
};

/** Stages that are shown at once; those before fold. */
const mostShown = 5;

export function MakingCard({ making }: { readonly making: Making }) {
  const { name, status, stages, layers, error, since, until } = making;
  const over = isOver(making);
  const [ticked, setTicked] = useState(Date.now());
  const now = until ?? ticked;
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setTicked(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [over]);
  const earlier = stages.slice(0, -mostShown);
  const row = (stage: Stage, i: number) => {
    const next = stages[i + 1];
    return (
      <StageRow
        key={`${stage.stage} ${stage.seen}`}
        stage={stage}
        until={next?.seen ?? now}
        current={!over && next === undefined}
      />
    );
  };
  return (
    <section class="card stack-tight" aria-label={`The fit of ${name}`}>
      <div class="row row-apart">
        <strong>
          {name}: {words[status]}
        </strong>
        <span class="quiet-text number">{timeText(Math.max(0, (now - since) / 1000))}</span>
      </div>
      {earlier.length > 0 && (
        <details>
          <summary>{earlier.length === 1 ? 'One stage' : `${earlier.length} stages`} before</summary>
          <ol class="stages">{earlier.map(row)}</ol>
        </details>
      )}
      {stages.length > 0 && (
        <ol class="stages" aria-label="Stages">
          {stages.slice(-mostShown).map((stage, i) => row(stage, earlier.length + i))}
        </ol>
      )}
      {!over && layers > 0 && <p class="hint">{layers} layers have a direction.</p>}
      {error !== null && <Failed>{error}</Failed>}
      {!over && making.id !== null && (
        <div class="row">
          <button type="button" onClick={() => void cancel().catch(toastError)}>
            <Icon name="stop" /> Stop
          </button>
        </div>
      )}
    </section>
  );
}

interface StageRowProps {
  readonly stage: Stage;
  /** Milliseconds since 1970: when it was over, or now. */
  readonly until: number;
  readonly current: boolean;
}

function StageRow({ stage, until, current }: StageRowProps) {
  const { done, total, seen } = stage;
  const text = stageText(stage.stage);
  const left = current ? secondsLeft(stage, until) : null;
  const took = (until - seen) / 1000;
  return (
    <li class={current ? 'stage stage-current' : 'stage'}>
      <span class="stage-head">
        {!current && <Icon name="check" />}
        <span>{text}</span>
        <span class="hint number">
          {!current
            ? took >= 1
              ? timeText(took)
              : ''
            : left === null
              ? `${done} of ${total}`
              : `${done} of ${total}, about ${timeText(left)} left`}
        </span>
      </span>
      {current && (
        <progress value={done} max={Math.max(1, total)} aria-label={`${text}: ${done} of ${total}`} />
      )}
    </li>
  );
}
