/** One concept of the library. */
import { call, saveFile } from '../api/client.js';
import { announce } from '../parts/live.js';
import { strengthText } from '../parts/slider.js';
import { toastError } from '../parts/toasts.js';
import { type ConceptSummary, models } from '../state/library.js';
import { href } from '../state/route.js';
import { removeConcept } from './removal.js';

export const announceCount = (count: number): void =>
  announce(count === 1 ? 'One concept' : `${count} concepts`);

interface ConceptCardProps {
  readonly concept: ConceptSummary;
  /** Shows all that was measured. */
  readonly onShow: () => void;
}

async function exportConcept({ name, model }: ConceptSummary): Promise<void> {
  const query = `format=safetensors&model=${encodeURIComponent(model)}`;
  try {
    const reply = await call(`v1/concepts/${encodeURIComponent(name)}/vectors?${query}`, { method: 'GET' });
    saveFile(`${name}.safetensors`, await reply.blob());
  } catch (error) {
    toastError(error);
  }
}

export function ConceptCard({ concept, onShow }: ConceptCardProps) {
  const { name, model, prefix, source, recipe, method, weak, max_strength: most } = concept;
  const params = new URLSearchParams({ concept: `${name}:1` });
  if (models.value.length > 1) params.set('model', model);
  return (
    <li class="card library-card stack-tight">
      <div class="row row-apart">
        <h2>{name}</h2>
        <span class="row">
          {source === 'shipped' && <span class="chip">shipped</span>}
          {weak === true && <span class="chip chip-warn">weak</span>}
          {most !== undefined && <span class="chip">max {strengthText(most)}</span>}
        </span>
      </div>
      <p class="library-prefix">{prefix === '' ? 'Without a message.' : prefix}</p>
      <p class="hint">
        {recipe}, {method.replaceAll('_', ' ')}
        {models.value.length > 1 && `, on ${model}`}
      </p>
      <div class="row">
        <a class="button" href={href('chat', params)} aria-label={`Try ${name} in the chat`}>
          Try it
        </a>
        <button type="button" class="quiet" onClick={onShow} aria-label={`Figures of ${name}`}>
          Figures
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => void exportConcept(concept)}
          aria-label={`Export ${name}`}
        >
          Export
        </button>
        {source === 'data' && (
          <button
            type="button"
            class="quiet"
            onClick={() => removeConcept(concept)}
            aria-label={`Delete ${name}`}
          >
            Delete
          </button>
        )}
      </div>
    </li>
  );
}
