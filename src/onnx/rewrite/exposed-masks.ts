/** An export with its attention masks as outputs, to be looked at before they are replaced. */

import { openGroupable } from '../find/groupable-export.js';
import { dataTypes } from '../graph/graph.js';
import type { ModelProto } from '../schema/onnx_pb.js';

/** Stands for "hidden" where a mask says it with a truth value. */
const hugeNegative = -1e9;

/**
 * One more output a layer, what its attention adds to the scores: float32 [S T].
 * @throws OnnxError when some layer's attention is not written out
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
