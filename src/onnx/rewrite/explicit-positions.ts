/**
 * Gives an export the input position_ids where it counts positions from the length of the past keys: in a batch that is
 * the length of the shared KV cache, while each row has a past of its own.
 */
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import { vectorOf } from '../graph/small-constants.js';
import type { NodeProto } from '../schema/onnx_pb.js';

const positions = 'position_ids';

/** Operators that reduce over an axis, and those that choose a branch by a value. */
const mixingOperators = /^(Reduce.*|Arg.*|CumSum|TopK|If|Loop|Scan)$/;

/**
 * A node through which the positions of one row influence the others, if there is one. In LongRoPE, for instance, the
 * greatest position of the batch chooses the rotation of all rows.
 */
export function positionMixingNode(graph: Graph): NodeProto | undefined {
  const byPosition = graph.descendants([positions]);
  const byToken = graph.descendants(['input_ids']);
  return graph.proto.node.find(
    ({ opType, input }) =>
      mixingOperators.test(opType) && input.some((tensor) => byPosition.has(tensor) && !byToken.has(tensor)),
  );
}

/**
 * Replaces Unsqueeze(Range(past, past + S)), [1, S], by an input position_ids int64 [B, S]. An export that has that
 * input, or no such Range, is left as it is.
 */
export function addPositionsInput(graph: Graph): void {
  if (graph.inputs().some(({ name }) => name === positions)) return;
  const rows = graph.proto.node.filter((node) => {
    const range = graph.producer(node.input[0] ?? '');
    const fromStart = vectorOf(graph, range?.input[0] ?? '')?.[0] === 0;
    const axes = vectorOf(graph, node.input[1] ?? '');
    return node.opType === 'Unsqueeze' && axes?.join() === '0' && range?.opType === 'Range' && !fromStart;
  });
  if (rows.length === 0) return;
  graph.addInput(positions, dataTypes.int64, ['batch_size', 'sequence_length']);
  for (const row of rows) {
    const [counted = ''] = row.output;
    graph.redirect(counted, positions, [...graph.consumers(counted)]);
  }
  graph.finish();
}
