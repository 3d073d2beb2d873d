/** Gives a concept another name. */
import { useState } from 'preact/hooks';
import { post } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { Dialog } from '../parts/dialog.js';
import { toast } from '../parts/toasts.js';
import { type ConceptSummary, refreshConcepts } from '../state/library.js';
import { pathOf } from './removal.js';

interface RenameDialogProps {
  readonly concept: Pick<ConceptSummary, 'name' | 'model'>;
  readonly onClose: () => void;
}

export function RenameDialog({ concept: { name, model }, onClose }: RenameDialogProps) {
  const [to, setTo] = useState(name);
  const [refused, setRefused] = useState<string | null>(null);
  async function send(): Promise<void> {
    try {
      await post(`${pathOf({ name })}/rename`, { model, name: to.trim() });
      toast(`${name} is called ${to.trim()} now.`);
      onClose();
      await refreshConcepts();
    } catch (error) {
      setRefused(inWords(error));
    }
  }
  return (
    <Dialog title={`Rename ${name}`} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <label class="field">
          <span>New name</span>
          <input
            value={to}
            required
            maxLength={128}
            onInput={({ currentTarget }) => setTo(currentTarget.value)}
          />
        </label>
        <p class="hint">Requests that use the old name will not find it any more.</p>
        {refused !== null && (
          <p class="notice notice-failed" role="alert">
            {refused}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="quiet" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={to.trim() === '' || to.trim() === name}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}
