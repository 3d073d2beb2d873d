/** How far a fit is: stage, share, time, and a way to stop it. */
import { useEffect, useState } from 'preact/hooks';
import { toastError } from '../parts/toasts.js';
import { cancel, isOver, type Making } from './fit.js';

const words: Readonly<Record<Making['status'], string>> = {
  asking: 'Asking the server',
  queued: 'Waiting for other fits',
  running: 'Being made',
  succeeded: 'Done',
  failed: 'Failed',
  cancelled: 'Stopped',
  refused: 'Refused',
};

export function MakingCard({ making }: { readonly making: Making }) {
  const { name, status, progress, error, since } = making;
  const over = isOver(making);
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    if (over) return;
    const timer = setInterval(() => setNow(performance.now()), 1000);
    return () => clearInterval(timer);
  }, [over]);
  const seconds = Math.max(0, Math.round((now - since) / 1000));
  return (
    <section class="card stack-tight" aria-label={`The fit of ${name}`}>
      <div class="row row-apart">
        <strong>
          {name}: {words[status]}
        </strong>
        <span class="quiet-text">{seconds} s</span>
      </div>
      {!over && progress !== null && (
        <>
          <progress
            class="make-progress"
            value={progress.done}
            max={progress.total}
            aria-label={`${progress.stage}, ${progress.done} of ${progress.total}`}
          />
          <span class="hint">
            {progress.stage}, {progress.done} of {progress.total}
          </span>
        </>
      )}
      {error !== null && (
        <p class="notice notice-failed" role="alert">
          {error}
        </p>
      )}
      {!over && making.id !== null && (
        <div class="row">
          <button type="button" class="quiet" onClick={() => void cancel().catch(toastError)}>
            Stop
          </button>
        </div>
      )}
    </section>
  );
}
