/** The tensors of attention with zeros where the graph's heads are wider than the checkpoint's: nothing is computed differently. */
import type { Checkpoint, CheckpointTensor } from '../checkpoint/checkpoint.js';
import type { HeadLayout } from './description/head-layout.js';

const ofHeads = /\.self_attn\.(?:(q|k|v|qkv)_proj\.(?:weight|bias)|[qk]_norm\.weight)$/;
const ofMixture = /\.self_attn\.o_proj\.weight$/;

/** The checkpoint's own where its heads are wide enough; tensors whose sizes are no heads stay, for whoever checks their shapes. */
export function paddedHeads(tensors: Checkpoint['tensors'], layout: HeadLayout): Checkpoint['tensors'] {
  if (layout.given === layout.padded) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name, padded(tensor, layout)]));
}

function padded(tensor: CheckpointTensor, layout: HeadLayout): CheckpointTensor {
  const { name, shape } = tensor;
  const [first = 0, second = 0] = shape;
  const isMatrix = shape.length === 2;
  if (ofHeads.test(name) && first % layout.given === 0) {
    const rows = widened(first, layout);
    return isMatrix
      ? inFloats(tensor, [rows, second], rowsBetween(tensor, second, layout))
      : inFloats(tensor, [rows], async () => scattered(await tensor.rows(0, 1), layout));
  }
  if (ofMixture.test(name) && isMatrix && second % layout.given === 0) {
    const rows = async (from: number, count: number) => scattered(await tensor.rows(from, count), layout);
    return inFloats(tensor, [first, widened(second, layout)], rows);
  }
  return tensor;
}

const widened = (size: number, { given, padded }: HeadLayout) => (size / given) * padded;

const inFloats = (
  { name }: CheckpointTensor,
  shape: readonly number[],
  rows: CheckpointTensor['rows'],
): CheckpointTensor => ({
  name,
  shape,
  type: 'F32',
  rows,
  raw: async (first, count) => new Uint8Array((await rows(first, count)).buffer),
});

/** Heads side by side, each with its zeros. */
function scattered(values: Float32Array, layout: HeadLayout): Float32Array<ArrayBuffer> {
  const { given, padded, places } = layout;
  const out = new Float32Array(widened(values.length, layout));
  for (let head = 0; head * given < values.length; head++)
    for (const [i, place] of places.entries()) out[head * padded + place] = values[head * given + i] ?? 0;
  return out;
}

/** Rows of zeros between those of the heads. */
function rowsBetween(
  tensor: CheckpointTensor,
  width: number,
  { given, padded, places }: HeadLayout,
): CheckpointTensor['rows'] {
  const sources = new Map(places.map((place, i) => [place, i]));
  const sourceOf = (row: number): number | undefined => {
    const i = sources.get(row % padded);
    return i === undefined ? undefined : Math.floor(row / padded) * given + i;
  };
  return async (first, count) => {
    const out = new Float32Array(count * width);
    for (let row = 0; row < count; ) {
      const from = sourceOf(first + row);
      let together = 1;
      if (from !== undefined) {
        while (row + together < count && sourceOf(first + row + together) === from + together) together++;
        out.set(await tensor.rows(from, together), row * width);
      }
      row += together;
    }
    return out;
  };
}
