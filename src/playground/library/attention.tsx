/** Where the fit of a concept attended, if it chose its tokens so. */
import { useEffect, useState } from 'preact/hooks';
import type { ConceptAttention } from '../../schemas/concept-attention.js';
import type { ConceptObject } from '../../schemas/concepts.js';
import { get } from '../api/client.js';
import { fieldsOf } from './measured.js';
import { AttentionPlot } from './plots.js';

export function Attention({ concept: { name, model, details } }: { readonly concept: ConceptObject }) {
  const [attention, setAttention] = useState<ConceptAttention | null>(null);
  // Asked for only where there is one: the API refuses it otherwise.
  const isThere = Array.isArray(fieldsOf(details.attention).map);
  useEffect(() => {
    if (!isThere) return;
    const leaving = new AbortController();
    const path = `v1/concepts/${encodeURIComponent(name)}/attention?model=${encodeURIComponent(model)}`;
    get<ConceptAttention>(path, { signal: leaving.signal }).then(setAttention, () => {});
    return () => leaving.abort();
  }, [name, model, isThere]);
  if (attention === null) return null;
  return (
    <section class="stack-tight" aria-label="Attention">
      <h3>Where it attended</h3>
      <AttentionPlot attention={attention} />
    </section>
  );
}
