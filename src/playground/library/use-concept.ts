/** A concept with all that is known of it; null while it is read, which it is anew when the list has another version of it. */
import { useEffect, useState } from 'preact/hooks';
import type { ConceptObject } from '../../schemas/concepts.js';
import { get } from '../api/client.js';
import { inWords } from '../api/errors.js';
import { allConcepts } from '../state/library.js';
import { pathOf } from './removal.js';

export function useConcept(name: string, model: string): ConceptObject | { readonly error: string } | null {
  const [concept, setConcept] = useState<ConceptObject | { readonly error: string } | null>(null);
  const listed = allConcepts.value.find((one) => one.name === name && one.model === model);
  useEffect(() => {
    let stale = false;
    setConcept(null);
    get<ConceptObject>(`${pathOf({ name })}?model=${encodeURIComponent(model)}`).then(
      (read) => !stale && setConcept(read),
      (error: unknown) => !stale && setConcept({ error: inWords(error) }),
    );
    return () => {
      stale = true;
    };
  }, [name, model, listed?.version]);
  return concept;
}
