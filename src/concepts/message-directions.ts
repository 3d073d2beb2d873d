/**
 * Further directions of a concept at some layers, at right angles to its own: what the tokens of the message that states
 * it differ in from those of other messages. Ablate and clamp hold them too where calibration found them; nothing else uses
 * them. Kept with the readings, row by row as the base64 of little-endian float32 numbers.
 */
import { errors } from '../errors.js';

export interface MessageDirections {
  /** By layer: a unit vector of H numbers. */
  readonly vectors: Readonly<Record<string, string>>;
  /** [L] what `ablate` 1 and `clamp` 0 hold: the mean of neutral answers, or below it. */
  readonly level: readonly number[];
  /**
   * Where it is held: in the prompt alone, where the message stands, or everywhere, as concepts of before have it. In the
   * prompt `clamp` lets go of it on the way up to strength 1, for an addition does not touch it there.
   */
  readonly positions: 'prompt' | 'all';
  /** [L] how far beyond `level` `clamp` holds at strength 1 where it is held everywhere: where an addition of strength 1 reads. */
  readonly unit: readonly number[];
}

/** As for a concept's own rows. */
const unitTolerance = 1e-3;

/** @param rows unit vectors by layer */
export const encodedRows = (rows: ReadonlyMap<number, Float32Array>): Record<string, string> =>
  Object.fromEntries(
    [...rows].map(([layer, row]) => [
      String(layer),
      Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('base64'),
    ]),
  );

/** [L * H] in shared memory; a zero row where there is none. Read once for an object. */
export function messageVectors(
  { vectors }: Pick<MessageDirections, 'vectors'>,
  layers: number,
  hiddenSize: number,
): Float32Array {
  const known = read.get(vectors);
  if (known?.length === layers * hiddenSize) return known;
  const all = new Float32Array(new SharedArrayBuffer(4 * layers * hiddenSize));
  for (const [layer, text] of Object.entries(vectors)) {
    const field = `readings.ablate.message.vectors.${layer}`;
    const bytes = Buffer.from(text, 'base64');
    if (bytes.length !== 4 * hiddenSize || bytes.toString('base64') !== text) {
      throw errors.invalidValue(
        field,
        `the base64 of ${hiddenSize} float32 numbers`,
        `${text.length} characters`,
      );
    }
    if (!/^\d{1,6}$/.test(layer) || Number(layer) >= layers) {
      throw errors.invalidValue(field, `a layer below ${layers}`, layer);
    }
    const row = Float32Array.from({ length: hiddenSize }, (_, i) => bytes.readFloatLE(4 * i));
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    // Not a number is near nothing.
    if (!(Math.abs(norm - 1) <= unitTolerance)) {
      throw errors.invalidValue(field, 'a unit vector', `a vector of norm ${norm}`);
    }
    all.set(row, Number(layer) * hiddenSize);
  }
  read.set(vectors, all);
  return all;
}

const read = new WeakMap<object, Float32Array>();
