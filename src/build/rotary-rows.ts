/** The sines and cosines of a rotary table, in float32 as PyTorch computes them. */
import type { RotaryTable } from './description/decoder.js';

type Rows = readonly [kind: 'cos' | 'sin', values: () => Promise<Float32Array>];

/** Each [positions, frequencies]. */
export function rotaryRows(table: RotaryTable): readonly Rows[] {
  return [
    ['cos', async () => filled(table, Math.cos)],
    ['sin', async () => filled(table, Math.sin)],
  ];
}

function filled(
  { frequencies, factor, positions }: RotaryTable,
  of: (angle: number) => number,
): Float32Array {
  const width = frequencies.length;
  const scale = Math.fround(factor);
  const values = new Float32Array(positions * width);
  for (let position = 0; position < positions; position++)
    for (let i = 0; i < width; i++) {
      const angle = Math.fround(position * (frequencies[i] as number));
      values[position * width + i] = Math.fround(of(angle)) * scale;
    }
  return values;
}
