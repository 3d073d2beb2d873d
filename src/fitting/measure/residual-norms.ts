/** Residual norms of concepts that have none, such as imported vectors: measured on the model. */
import type { Concept } from '../../concepts/concept.js';
import type { LoadedModel } from '../../models/model.js';
import { norm } from '../linear-algebra/vectors.js';

/**
 * @returns [L] the concept's own norms; where it steers a layer without one, the mean L2 norm of the block outputs at
 *   the prompts' tokens without the first, which is an attention sink with an outlier norm
 */
export async function residualNormsOf(
  concept: Concept,
  model: LoadedModel,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal,
): Promise<Float32Array> {
  const { residualNorms, calibration, layers, hiddenSize } = concept;
  const unknown = calibration.coefficients.some((c, layer) => c !== 0 && residualNorms[layer] === 0);
  if (!unknown) return residualNorms;
  const sums = new Float64Array(layers);
  let read = 0;
  for (const tokens of prompts) {
    const positions = tokens.map((_, position) => position).slice(1);
    if (positions.length === 0) continue;
    const { hiddenStates } = await model.engine.capture({ tokens, positions, span: [0, 0] }, signal);
    for (let row = 0; row < layers * positions.length; row++) {
      const layer = Math.floor(row / positions.length);
      const state = hiddenStates.subarray(row * hiddenSize, (row + 1) * hiddenSize);
      sums[layer] = (sums[layer] as number) + norm(state);
    }
    read += positions.length;
  }
  return Float32Array.from(sums, (sum, layer) => residualNorms[layer] || sum / Math.max(1, read));
}
