/** Short messages in a corner: what was done, with an undo where there is one, and what failed. */
import { signal } from '@preact/signals';
import { inWords, isAbort } from '../api/errors.js';
import { Icon } from './icon.js';

interface Toast {
  readonly id: number;
  readonly kind: 'done' | 'failed';
  readonly text: string;
  readonly action?: ToastAction;
}

export interface ToastAction {
  readonly label: string;
  run(): void;
}

const toasts = signal<readonly Toast[]>([]);
let count = 0;

/** Milliseconds. One with an action has time to be reached by keyboard. */
const staysFor = { plain: 6_000, withAction: 12_000 };

const drop = (id: number) => {
  toasts.value = toasts.value.filter((one) => one.id !== id);
};

function show(kind: Toast['kind'], text: string, action?: ToastAction): () => void {
  const id = ++count;
  toasts.value = [...toasts.value.slice(-3), { id, kind, text, ...(action && { action }) }];
  // What failed stays until it is dismissed.
  if (kind === 'done') setTimeout(() => drop(id), action ? staysFor.withAction : staysFor.plain);
  return () => drop(id);
}

/** @returns what takes it away again */
export const toast = (text: string, action?: ToastAction): (() => void) => show('done', text, action);

/** Says what failed; a request that somebody stopped has not. */
export function toastError(error: unknown): void {
  if (!isAbort(error)) show('failed', inWords(error));
}

/** Once in the page. */
export const Toasts = () => (
  <section class="toasts" aria-label="Messages" aria-live="polite">
    {toasts.value.map(({ id, kind, text, action }) => (
      <div key={id} class={`toast toast-${kind}`} role={kind === 'failed' ? 'alert' : undefined}>
        <span>{text}</span>
        {action && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              action.run();
              drop(id);
            }}
          >
            {action.label}
          </button>
        )}
        <button type="button" class="icon" aria-label="Dismiss" onClick={() => drop(id)}>
          <Icon name="close" />
        </button>
      </div>
    ))}
  </section>
);
