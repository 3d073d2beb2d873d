/** The attention map that a concept's fit recorded (layers x candidate tokens), with the candidates' texts. */
import { errors } from '../errors.js';
import type { ConceptAttention } from '../schemas/concept-attention.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { Concept } from './concept.js';
import { attentionRecord, layerRecords } from './fit-record.js';

/** @throws SteerdError attention_not_found when the fit chose no token by attention. */
export function conceptAttention(concept: Concept, tokenizer: Tokenizer): ConceptAttention {
  const record = attentionRecord(concept);
  if (record === null) {
    const { recipe } = concept.record;
    throw errors.attentionNotFound(concept.name, `its recipe, ${recipe}, chooses no token by attention`);
  }
  const { candidates, candidate_ids: ids, chosen, map } = record;
  if (map === null) {
    throw errors.attentionNotFound(
      concept.name,
      `its fit was told to read the token at ${candidates[0]} from the end`,
    );
  }
  const layers = layerRecords(concept);
  return {
    object: 'concept.attention',
    concept: concept.name,
    model: concept.model,
    version: concept.version,
    candidates: candidates.map((offset, i) => {
      const id = ids[i] as number;
      return { offset, id, text: tokenizer.decode([id], { skipSpecialTokens: false }) };
    }),
    map,
    chosen: chosen.map((offset) => candidates.indexOf(offset)),
    significant_heads: map.map((_, layer) => layers?.get(layer)?.significant_heads ?? null),
  };
}
