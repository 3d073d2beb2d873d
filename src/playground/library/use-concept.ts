/** A concept with all that is known of it; null while it is read. */
import { useEffect, useState } from 'preact/hooks';
import type { ConceptObject } from '../../schemas/concepts.js';
import { get } from '../api/client.js';
import { inWords } from '../api/errors.js';

export function useConcept(name: string, model: string): ConceptObject | { readonly error: string } | null {
  const [concept, setConcept] = useState<ConceptObject | { readonly error: string } | null>(null);
  useEffect(() => {
    const path = `v1/concepts/${encodeURIComponent(name)}?model=${encodeURIComponent(model)}`;
    get<ConceptObject>(path).then(setConcept, (error: unknown) => setConcept({ error: inWords(error) }));
  }, [name, model]);
  return concept;
}
