/** Hands a concept out as a file. */
import { useState } from 'preact/hooks';
import type { VectorFormat } from '../../schemas/concept-vectors.js';
import { call, saveFile } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { DialogForm } from '../parts/dialog-form.js';
import type { ConceptSummary } from '../state/library.js';
import { pathOf } from './removal.js';

interface ExportDialogProps {
  readonly concept: Pick<ConceptSummary, 'name' | 'model'>;
  readonly onClose: () => void;
}

const formats: readonly { readonly format: VectorFormat; readonly title: string; readonly what: string }[] = [
  {
    format: 'safetensors',
    title: 'safetensors',
    what: 'All of it: vectors, calibration, and how it was made. Comes in again as it is.',
  },
  {
    format: 'gguf',
    title: 'GGUF control vector',
    what: 'For llama.cpp, repeng and EasySteer; each direction as long as strength 1 adds.',
  },
  { format: 'npz', title: 'NumPy', what: 'Arrays: directions at strength 1, unit vectors, coefficients.' },
  { format: 'json', title: 'JSON', what: 'All of it as numbers, for programs of your own.' },
];

export function ExportDialog({ concept: { name, model }, onClose }: ExportDialogProps) {
  const [format, setFormat] = useState<VectorFormat>('safetensors');
  const [refused, setRefused] = useState<string | null>(null);
  async function save(): Promise<void> {
    const query = `format=${format}&model=${encodeURIComponent(model)}`;
    try {
      const reply = await call(`${pathOf({ name })}/vectors?${query}`, { method: 'GET' });
      saveFile(`${name}.${format}`, await reply.blob());
      onClose();
    } catch (error) {
      setRefused(inWords(error));
    }
  }
  return (
    <DialogForm
      title={`Export ${name}`}
      onClose={onClose}
      onSubmit={() => void save()}
      action="Save the file"
      refused={refused}
    >
      <fieldset class="choices">
        <legend class="label">Format</legend>
        {formats.map((one) => (
          <label key={one.format} class="choice">
            <input
              type="radio"
              name="format"
              checked={one.format === format}
              onChange={() => setFormat(one.format)}
            />
            <span>
              <strong>{one.title}</strong>
              <span class="hint">{one.what}</span>
            </span>
          </label>
        ))}
      </fieldset>
    </DialogForm>
  );
}
