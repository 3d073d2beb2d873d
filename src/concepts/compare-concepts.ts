/** A model's concepts compared: what GET /v1/concepts/similarity says. */
import { periodicYield } from '../common/yielding.js';
import { errors } from '../errors.js';
import { type ConceptSimilarity, mostCompared, type SimilarityQuery } from '../schemas/concepts.js';
import type { Concept } from './concept.js';
import { type ConceptLibrary, storedConcept } from './concept-lookup.js';
import { layerCosines, similarity, tellingOverlap } from './similarity.js';

/**
 * Compares every pair of the concepts asked for, of all that the caller may see when none are named.
 * @param signal ends it between two pairs
 * @throws SteerdError concept_not_found, concept_not_allowed; invalid_value when all are too many
 */
export async function compareConcepts(
  library: ConceptLibrary,
  model: string,
  { concepts: names, detail }: Pick<SimilarityQuery, 'concepts' | 'detail'>,
  signal: AbortSignal,
): Promise<ConceptSimilarity> {
  const asked = names ?? library.names(model);
  if (asked.length > mostCompared) {
    const requirement = `given for a model of more than ${mostCompared} concepts: the names of those to compare`;
    throw errors.invalidValue('concepts', requirement, `all ${asked.length}`);
  }
  const concepts: Concept[] = [];
  for (const name of asked) concepts.push((await storedConcept(library, model, name, 'concepts')).concept);
  const cosine = emptyMatrix(concepts.length);
  const layers = new Map<number, Matrix>();
  const overlaps: ConceptSimilarity['overlaps'] = [];
  const breathe = periodicYield(signal);
  for (const [i, a] of concepts.entries()) {
    for (const [j, b] of concepts.slice(0, i + 1).entries()) {
      await breathe();
      const cosines = layerCosines(a, b);
      const mean = rounded(similarity(a, b, cosines));
      put(cosine, i, j, mean);
      if (i !== j && mean !== null && Math.abs(mean) > tellingOverlap) {
        overlaps.push({ concepts: [b.name, a.name], cosine: mean });
      }
      if (detail === 'mean') continue;
      for (const [layer, value] of cosines.entries()) {
        if (Number.isNaN(value)) continue;
        const matrix = layers.get(layer) ?? emptyMatrix(concepts.length);
        layers.set(layer, matrix);
        put(matrix, i, j, rounded(value));
      }
    }
  }
  return {
    object: 'concepts.similarity',
    model,
    concepts: concepts.map(({ name, version }: Concept) => ({ name, version })),
    cosine,
    overlaps: overlaps.sort((a, b) => Math.abs(b.cosine) - Math.abs(a.cosine)),
    ...(detail === 'layers' && {
      layers: [...layers].sort(([a], [b]) => a - b).map(([layer, matrix]) => ({ layer, cosine: matrix })),
    }),
  };
}

type Matrix = (number | null)[][];

const emptyMatrix = (size: number): Matrix => Array.from({ length: size }, () => Array(size).fill(null));

function put(matrix: Matrix, i: number, j: number, value: number | null): void {
  for (const [row, column] of [
    [i, j],
    [j, i],
  ] as const) {
    const cells = matrix[row];
    if (cells !== undefined) cells[column] = value;
  }
}

/** Six decimals: float32 vectors say no more. Adding 0 turns -0 into 0. */
const rounded = (value: number | null) => (value === null ? null : Math.round(value * 1e6) / 1e6 + 0);
