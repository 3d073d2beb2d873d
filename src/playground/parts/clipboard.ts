/** Copying, and saying that it was copied. */
import { toast } from './toasts.js';

/** @param what names it, such as "The link" */
export async function copy(text: string, what: string): Promise<void> {
  try {
    // A page that did not come by TLS or from this machine has no clipboard.
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);
  }
  toast(`${what} is copied.`);
}

function copyBySelection(text: string): void {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'hidden-visually';
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  field.select();
  document.execCommand('copy');
  field.remove();
}
