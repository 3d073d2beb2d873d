/** Gives a concept another name. */
import { useState } from 'preact/hooks';
import { post } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { DialogForm } from '../parts/dialog-form.js';
import { toast, toastError } from '../parts/toasts.js';
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
    } catch (error) {
      setRefused(inWords(error));
      return;
    }
    await refreshConcepts().catch(toastError);
  }
  return (
    <DialogForm
      title={`Rename ${name}`}
      onClose={onClose}
      onSubmit={() => void send()}
      action="Rename"
      disabled={to.trim() === '' || to.trim() === name}
      refused={refused}
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
    </DialogForm>
  );
}
