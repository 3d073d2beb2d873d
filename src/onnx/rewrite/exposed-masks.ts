/** Gives an export's attention masks out as outputs, so that they can be examined before attention is replaced. */
import { openGroupable } from '../find/groupable-export.js';
import { dataTypes } from '../graph/data-types.js';
import type { ModelProto } from '../schema/onnx_pb.js';

/** What a boolean mask adds to the score of a hidden key. */
const hugeNegative = -1e9;

/**
 * A copy of the model with one more output for each layer: the sum of what its attention adds to the scores, float32,
 * flattened to [S * T].
 * @returns the model and the names of those outputs
 * @throws OnnxError when a layer's attention is not written out in elementary nodes
 */
export function exposeMasks(original: ModelProto): { model: ModelProto; masks: readonly string[] } {
  const { graph, attentions } = openGroupable(original);
  const masks = attentions.map(({ masks }, layer) => {
    const name = (part: string) => `steerd/mask_${layer}/${part}`;
    const [first = '', ...more] = masks.map(({ tensor, kind }, index) => {
      const part = name(`${kind}_${index}`);
      if (kind === 'added') return graph.add('Cast', [tensor], part, { to: dataTypes.float32 });
      const values = [graph.float32(0), graph.float32(hugeNegative)];
      return graph.add('Where', [tensor, ...(kind === 'seen' ? values : values.reverse())], part);
    });
    const sum = more.reduce(
      (total, mask, index) => graph.add('Add', [total, mask], name(`sum_${index}`)),
      first,
    );
    const flat = graph.add('Reshape', [sum, graph.int64([-1])], name('flat'));
    graph.addOutput(flat, dataTypes.float32, ['scores']);
    return flat;
  });
  return { model: graph.model, masks };
}
