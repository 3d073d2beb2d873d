/**
 * Positions as an input, for exports that count them from the length of the past: in a batch that length is the
 * cache's, and each row has a past of its own.
 */
import { dataTypes, type Graph } from '../graph/graph.js';
import { vectorOf } from '../graph/small-constants.js';
import type { NodeProto } from '../schema/onnx_pb.js';

const positions = 'position_ids';

/** What makes one number of many, or takes another way by one. */
const gathers = /^(Reduce.*|Arg.*|CumSum|TopK|If|Loop|Scan)$/;

/**
 * A node by which the positions of one row decide something for the others, as when the longest chooses the rotation
 * of all (LongRoPE).
 */
export function positionMixing(graph: Graph): NodeProto | undefined {
  const byPosition = graph.descendants([positions]);
  const byToken = graph.descendants(['input_ids']);
  return graph.proto.node.find(
    ({ opType, input }) =>
      gathers.test(opType) && input.some((tensor) => byPosition.has(tensor) && !byToken.has(tensor)),
  );
}

/**
 * Replaces Unsqueeze(Range(past, past + S)), [1, S], by an input position_ids [B, S]; an export that has the input
 * already, or no such Range, stays as it is. Leaves nodes behind that nobody reads.
 */
export function takePositions(graph: Graph): void {
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
