/** Brings a concept from a file: safetensors, GGUF, NumPy or JSON; the server tells which by its first bytes. */

import { useState } from 'preact/hooks';
import { call } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { Dialog } from '../parts/dialog.js';
import { Failed } from '../parts/failed.js';
import { toast, toastError } from '../parts/toasts.js';
import { conceptNamed, model, refreshConcepts } from '../state/library.js';

/** A name that the server takes, from a file's. */
const nameOf = (file: string): string =>
  file
    .replace(/\.[^.]*$/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 64);

interface ImportFormProps {
  /** Called with the name of what is there now. */
  readonly onDone: (name: string) => void;
  /** There is a way back where it is given. */
  readonly onCancel?: () => void;
}

export function ImportForm({ onDone, onCancel }: ImportFormProps) {
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState('');
  const [state, setState] = useState<'asking' | 'sending' | { readonly error: string }>('asking');
  const taken = conceptNamed(name);
  async function send(): Promise<void> {
    if (file === null) return;
    setState('sending');
    const query = model.value === null ? '' : `?model=${encodeURIComponent(model.value.id)}`;
    try {
      await call(`v1/concepts/${encodeURIComponent(name)}/vectors${query}`, {
        method: 'PUT',
        body: file,
        type: 'application/octet-stream',
      });
      // What is there is there, even if the list of it cannot be had just now.
      await refreshConcepts().catch(toastError);
      toast(`${name} is in the library.`);
      setState('asking');
      onDone(name);
    } catch (error) {
      setState({ error: inWords(error) });
    }
  }
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <label class="field">
        <span>File: safetensors, GGUF control vector, NumPy or JSON</span>
        <input
          type="file"
          accept=".safetensors,.gguf,.npz,.npy,.json"
          required
          onChange={({ currentTarget }) => {
            const chosen = currentTarget.files?.[0] ?? null;
            setFile(chosen);
            if (chosen !== null && name === '') setName(nameOf(chosen.name));
          }}
        />
      </label>
      <label class="field">
        <span>Name</span>
        <input value={name} required onInput={({ currentTarget }) => setName(currentTarget.value)} />
      </label>
      {taken !== undefined && (
        <p class="notice notice-warn">
          {taken.source === 'data'
            ? 'There is a concept of this name: the file takes its place.'
            : 'A shipped concept has this name: the file hides it until it is deleted.'}
        </p>
      )}
      {typeof state === 'object' && <Failed>{state.error}</Failed>}
      <div class="dialog-actions">
        {onCancel && (
          <button type="button" class="quiet" onClick={onCancel}>
            Cancel
          </button>
        )}
        <button type="submit" class="primary" disabled={file === null || name === '' || state === 'sending'}>
          {state === 'sending' ? 'Importing…' : 'Import'}
        </button>
      </div>
    </form>
  );
}

export const ImportDialog = ({ onClose }: { readonly onClose: () => void }) => (
  <Dialog title="Import a concept" onClose={onClose}>
    <ImportForm onDone={onClose} onCancel={onClose} />
  </Dialog>
);
