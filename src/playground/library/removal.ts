/** Deleting with an undo: the server keeps what was deleted for a while and brings it back as it was. */
import { post, remove } from '../api/client.js';
import { toast, toastError } from '../parts/toasts.js';
import { type ConceptSummary, refreshConcepts } from '../state/library.js';

type Named = Pick<ConceptSummary, 'name' | 'model'>;

export const pathOf = ({ name }: Pick<Named, 'name'>): string => `v1/concepts/${encodeURIComponent(name)}`;

export async function removeConcept({ model, name }: Named): Promise<void> {
  try {
    await remove(`${pathOf({ name })}?model=${encodeURIComponent(model)}`);
    toast(`${name} is deleted.`, { label: 'Undo', run: () => void restoreConcept({ model, name }) });
    await refreshConcepts();
  } catch (error) {
    toastError(error);
  }
}

async function restoreConcept({ model, name }: Named): Promise<void> {
  try {
    await post(`${pathOf({ name })}/restore`, { model });
    toast(`${name} is back.`);
    await refreshConcepts();
  } catch (error) {
    toastError(error);
  }
}
