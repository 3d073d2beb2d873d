/** A concept with all that its fit and its calibration measured. */

import { Dialog } from '../parts/dialog.js';
import { Failed } from '../parts/failed.js';
import type { ConceptSummary } from '../state/library.js';
import { Figures } from './concept-figures.js';
import { useConcept } from './use-concept.js';

interface ConceptDialogProps {
  readonly concept: Pick<ConceptSummary, 'name' | 'model'>;
  readonly onClose: () => void;
}

export function ConceptDialog({ concept: { name, model }, onClose }: ConceptDialogProps) {
  const concept = useConcept(name, model);
  return (
    <Dialog title={name} wide onClose={onClose}>
      {concept === null && <p class="quiet-text">Loading…</p>}
      {concept !== null && 'error' in concept && <Failed>{concept.error}</Failed>}
      {concept !== null && 'prefix' in concept && <Figures concept={concept} />}
    </Dialog>
  );
}
