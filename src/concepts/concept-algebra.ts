/**
 * The algebra of concepts: scaling, negating, adding. At strength s a concept adds `s * coefficients[l] * vectors[l]`
 * at block l; scaling, adding and negating concepts does the same to these directions. The results are concepts again
 * (unit vectors and coefficients), with a calibration called `algebra`, for it follows from others and is not measured.
 */
import { errors } from '../errors.js';
import { type Calibration, type Concept, createConcept } from './concept.js';

/** Below this fraction of the summands' coefficients a sum is rounding error, not a direction. */
const cancelled = 1e-6;

/** The same directions, `factor` times as strong; opposite ones for a negative factor. */
export function scaleConcept(concept: Concept, factor: number, name = concept.name): Concept {
  if (!Number.isFinite(factor)) throw errors.invalidValue('factor', 'a finite number', factor);
  const coefficients = concept.calibration.coefficients.map((coefficient) => factor * coefficient);
  const calibration = { coefficients, negativeRatio: factor > 0 ? concept.calibration.negativeRatio : 1 };
  const stated = factor > 0 ? [concept] : [];
  return derive(
    'scale',
    name,
    { sources: [concept], stated },
    { factor },
    concept.vectors,
    concept.residualNorms,
    calibration,
  );
}

/** The opposite directions, as strong. */
export function negateConcept(concept: Concept, name = concept.name): Concept {
  const { coefficients } = concept.calibration;
  const vectors = concept.vectors.map((value) => -value);
  const calibration = { coefficients, negativeRatio: 1 };
  const sources = { sources: [concept], stated: [] } as const;
  return derive('negate', name, sources, {}, vectors, concept.residualNorms, calibration);
}

/**
 * Both at once: at each layer the sum of the directions, renormalised, its norm the coefficient. A layer where they
 * cancel, or where neither is steered, gets a zero row and a zero coefficient.
 * @throws SteerdError invalid_value when the concepts belong to different models.
 */
export function addConcepts(a: Concept, b: Concept, name = `${a.name} and ${b.name}`): Concept {
  const { vectors, coefficients, norms } = weightedSum([
    { concept: a, weight: 1 },
    { concept: b, weight: 1 },
  ]);
  const sources = { sources: [a, b], stated: [a, b] } as const;
  return derive('add', name, sources, {}, vectors, norms, { coefficients, negativeRatio: 1 });
}

export interface ConceptTerm {
  readonly concept: Concept;
  readonly weight: number;
}

/**
 * The sum of weighted concepts: strength 1 of the result is every term at its weight.
 * @throws SteerdError invalid_value when the concepts belong to different models or cancel everywhere.
 */
export function composeConcepts(terms: readonly [ConceptTerm, ...ConceptTerm[]], name: string): Concept {
  const { vectors, coefficients, norms } = weightedSum(terms);
  if (coefficients.every((coefficient) => coefficient === 0)) {
    throw errors.invalidValue(
      'terms',
      'concepts that do not cancel at every layer',
      `${terms.length} that do`,
    );
  }
  const weights = terms.map(({ weight }) => weight);
  const sources = terms.map(({ concept }) => concept) as [Concept, ...Concept[]];
  const stated = sources.filter((_, i) => (weights[i] as number) > 0);
  const calibration = { coefficients, negativeRatio: 1 };
  return derive('compose', name, { sources, stated }, { weights }, vectors, norms, calibration);
}

/** Unit rows, their coefficients, and the mean of the residual norms. */
function weightedSum(terms: readonly [ConceptTerm, ...ConceptTerm[]]) {
  const [{ concept: first }] = terms;
  for (const { concept } of terms) {
    for (const field of ['model', 'modelFingerprint', 'layers', 'hiddenSize'] as const) {
      if (first[field] === concept[field]) continue;
      const requirement = `of the same model as ${first.name} (${field} ${first[field]})`;
      throw errors.invalidValue('concept', requirement, concept[field]);
    }
  }
  const { layers, hiddenSize } = first;
  const vectors = new Float32Array(layers * hiddenSize);
  const coefficients = new Float32Array(layers);
  for (let layer = 0; layer < layers; layer++) {
    const start = layer * hiddenSize;
    const sum = new Float64Array(hiddenSize);
    let largest = 0;
    for (const { concept, weight } of terms) {
      const factor = weight * (concept.calibration.coefficients[layer] ?? 0);
      largest += Math.abs(factor);
      for (let i = 0; i < hiddenSize; i++)
        sum[i] = (sum[i] ?? 0) + factor * (concept.vectors[start + i] ?? 0);
    }
    const norm = Math.sqrt(sum.reduce((square, value) => square + value * value, 0));
    if (norm <= cancelled * largest) continue;
    vectors.set(
      sum.map((value) => value / norm),
      start,
    );
    coefficients[layer] = norm;
  }
  const norms = first.residualNorms.map(
    (_, layer) =>
      terms.reduce((total, { concept }) => total + (concept.residualNorms[layer] ?? 0), 0) / terms.length,
  );
  return { vectors, coefficients, norms };
}

/** What a concept is made of. */
interface Sources {
  readonly sources: readonly [Concept, ...Concept[]];
  /** Those whose message states something of the result: what is turned round or weighs nothing is not told. */
  readonly stated: readonly Concept[];
}

/** A concept made of others remembers which, by version, in its record, and the messages of those that have one. */
function derive(
  operation: 'scale' | 'negate' | 'add' | 'compose',
  name: string,
  { sources, stated }: Sources,
  parameters: Readonly<Record<string, unknown>>,
  vectors: Float32Array,
  residualNorms: Float32Array,
  calibration: Pick<Calibration, 'coefficients' | 'negativeRatio'>,
): Concept {
  const [first] = sources;
  return createConcept({
    name,
    model: first.model,
    modelFingerprint: first.modelFingerprint,
    layers: first.layers,
    hiddenSize: first.hiddenSize,
    vectors,
    residualNorms,
    calibration: { method: 'algebra', ...calibration, details: {} },
    record: {
      recipe: 'algebra',
      method: operation,
      prefix: stated
        .map(({ record }) => record.prefix)
        .filter((prefix) => prefix.trim() !== '')
        .join('\n'),
      seed: 0,
      details: { ...parameters, of: sources.map(({ name, version }) => ({ name, version })) },
    },
  });
}
