/**
 * The algebra of concepts. As an edit, a concept at strength s adds `s * coefficients[l] * vectors[l]` at block l:
 * one direction per layer. Scaling, adding and negating concepts scale, add and negate those directions, and the
 * results are concepts again (unit vectors and coefficients). Their calibration is called `algebra`: coefficients that
 * follow from others, not measured.
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
  return derive('scale', name, [concept], { factor }, concept.vectors, concept.residualNorms, calibration);
}

/** The opposite directions, as strong. */
export function negateConcept(concept: Concept, name = concept.name): Concept {
  const { coefficients } = concept.calibration;
  const vectors = concept.vectors.map((value) => -value);
  const calibration = { coefficients, negativeRatio: 1 };
  return derive('negate', name, [concept], {}, vectors, concept.residualNorms, calibration);
}

/**
 * Both at once: at each layer the sum of the directions, renormalised, its norm the coefficient. A layer where they
 * cancel, or where neither is steered, gets a zero row and a zero coefficient.
 * @throws SteerdError invalid_value when the concepts belong to different models.
 */
export function addConcepts(a: Concept, b: Concept, name = `${a.name} and ${b.name}`): Concept {
  for (const field of ['model', 'modelFingerprint', 'layers', 'hiddenSize'] as const) {
    if (a[field] !== b[field]) {
      throw errors.invalidValue('concept', `of the same model as ${a.name} (${field} ${a[field]})`, b[field]);
    }
  }
  const { layers, hiddenSize } = a;
  const vectors = new Float32Array(layers * hiddenSize);
  const coefficients = new Float32Array(layers);
  for (let layer = 0; layer < layers; layer++) {
    const ca = a.calibration.coefficients[layer] ?? 0;
    const cb = b.calibration.coefficients[layer] ?? 0;
    const start = layer * hiddenSize;
    const sum = new Float64Array(hiddenSize);
    let square = 0;
    for (let i = 0; i < hiddenSize; i++) {
      const value = ca * (a.vectors[start + i] ?? 0) + cb * (b.vectors[start + i] ?? 0);
      sum[i] = value;
      square += value * value;
    }
    const norm = Math.sqrt(square);
    if (norm <= cancelled * (Math.abs(ca) + Math.abs(cb))) continue;
    vectors.set(
      sum.map((value) => value / norm),
      start,
    );
    coefficients[layer] = norm;
  }
  const norms = a.residualNorms.map((norm, layer) => (norm + (b.residualNorms[layer] ?? 0)) / 2);
  return derive('add', name, [a, b], {}, vectors, norms, { coefficients, negativeRatio: 1 });
}

/** A concept made of others remembers which, by version, in its record. */
function derive(
  operation: 'scale' | 'negate' | 'add',
  name: string,
  sources: readonly [Concept, ...Concept[]],
  parameters: Record<string, number>,
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
      prefix: sources.map((source) => source.record.prefix).join('\n'),
      seed: 0,
      details: { ...parameters, of: sources.map(({ name, version }) => ({ name, version })) },
    },
  });
}
