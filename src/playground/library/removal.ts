/**
 * Deleting with an undo: a concept leaves the page at once, and the server when the time for an undo is over, or when the
 * page is left. So nothing has to be made again.
 */
import { signal } from '@preact/signals';
import { remove } from '../api/client.js';
import { toast, toastError } from '../parts/toasts.js';
import { type ConceptSummary, refreshConcepts } from '../state/library.js';

/** `model name` of those that are being deleted. */
export const hidden = signal<ReadonlySet<string>>(new Set());

/** Milliseconds, as long as the message with the undo stays. */
const timeForUndo = 12_000;

const pending = new Map<string, () => Promise<void>>();

export function removeConcept({ model, name }: ConceptSummary): void {
  const key = `${model} ${name}`;
  const show = () => {
    pending.delete(key);
    hidden.value = new Set([...hidden.value].filter((one) => one !== key));
  };
  const now = async () => {
    if (!pending.delete(key)) return;
    clearTimeout(timer);
    try {
      await remove(`v1/concepts/${encodeURIComponent(name)}?model=${encodeURIComponent(model)}`);
      await refreshConcepts();
    } catch (error) {
      toastError(error);
    }
    show();
  };
  const timer = setTimeout(() => void now(), timeForUndo);
  pending.set(key, now);
  hidden.value = new Set([...hidden.value, key]);
  toast(`${name} is deleted.`, {
    label: 'Undo',
    run: () => {
      clearTimeout(timer);
      show();
    },
  });
}

addEventListener('pagehide', () => {
  for (const now of pending.values()) void now();
});
