/**
 * A feature of a sparse autoencoder as a direction: its row of the decoder. Files differ in what they call it:
 * - SAELens, Gemma Scope (`params.npz`), EleutherAI's sparsify: `W_dec` [features, H];
 * - dictionary_learning, and others that save a linear layer of PyTorch: `decoder.weight` [H, features];
 * - one row alone: `decoder_row` [H], with `feature`, `layer` and `scale` [1] beside it.
 */

/** What a tensor of a file has, whatever its format. */
export interface FileArray {
  readonly shape: readonly number[];
  toFloat32(): Float32Array;
  toNumbers(): number[];
}

/** What a request says of the feature it means. */
export interface SaeChoice {
  readonly feature?: number | undefined;
  /** The block whose output the autoencoder reads. */
  readonly layer?: number | undefined;
  /** What strength 1 adds is the row times this. */
  readonly scale?: number | undefined;
}

export interface SaeDirection {
  readonly feature: number | null;
  /** Null where nobody says. */
  readonly layer: number | null;
  readonly scale: number;
  /** [H], as it is in the file. */
  readonly row: Float32Array;
}

/** A file that is no autoencoder's, or lacks the feature. */
export class SaeError extends Error {
  override readonly name = 'SaeError';
}

const rowName = 'decoder_row';
/** By name, and whether features are its columns. */
const decoders = [
  { name: /(^|[./])W_dec$/, columns: false },
  { name: /(^|[./])(decoder|dec)\.weight$/, columns: true },
] as const;

const isOne = (name: string) => name === rowName || decoders.some((decoder) => decoder.name.test(name));

/** Whether the file is one of an autoencoder. */
export const hasDecoder = (names: Iterable<string>): boolean => [...names].some(isOne);

/** What is needed of such a file: an encoder, which is as large, is not. */
export const saeArrays = (name: string): boolean =>
  isOne(name) || ['feature', 'layer', 'scale'].includes(name);

/**
 * @param asked beats what the file says
 * @throws SaeError saying what is missing or wrong
 */
export function saeDirection(arrays: ReadonlyMap<string, FileArray>, asked: SaeChoice): SaeDirection {
  const said = (name: 'feature' | 'layer' | 'scale') => asked[name] ?? scalar(arrays, name);
  const scale = said('scale') ?? 1;
  const layer = said('layer') ?? null;
  const feature = said('feature') ?? null;
  if (!Number.isFinite(scale) || scale === 0)
    throw new SaeError(`scale is ${scale}, and must be a number that is not 0`);
  for (const [name, value] of Object.entries({ layer, feature }))
    if (value !== null && (!Number.isInteger(value) || value < 0))
      throw new SaeError(`${name} is ${value}, and must be a whole number from 0`);
  return { feature, layer, scale, row: rowOf(arrays, feature) };
}

function rowOf(arrays: ReadonlyMap<string, FileArray>, feature: number | null): Float32Array {
  const alone = arrays.get(rowName);
  if (alone !== undefined) {
    if (alone.shape.filter((size) => size !== 1).length > 1)
      throw new SaeError(`${rowName} is [${alone.shape.join(', ')}]; it must be one row: [H]`);
    return alone.toFloat32();
  }
  const [found, ...more] = [...arrays].flatMap(([name, array]) => {
    const decoder = decoders.find((one) => one.name.test(name));
    return decoder === undefined ? [] : [{ name, array, ...{ columns: decoder.columns } }];
  });
  if (found === undefined) throw new SaeError('it has no W_dec, decoder.weight or decoder_row');
  const { name, array, columns } = found;
  if (more.length > 0)
    throw new SaeError(
      `it has several decoders, ${name} and ${more[0]?.name}: save the one that is meant alone`,
    );
  if (array.shape.length !== 2)
    throw new SaeError(`${name} is [${array.shape.join(', ')}], and must have two dimensions`);
  const [rows = 0, width = 0] = array.shape;
  const features = columns ? width : rows;
  if (feature === null) throw new SaeError(`say which feature: ${name} has ${features}`);
  if (feature >= features)
    throw new SaeError(`feature ${feature} is beyond ${name}, which has 0 to ${features - 1}`);
  const values = array.toFloat32();
  if (!columns) return values.slice(feature * width, (feature + 1) * width);
  return Float32Array.from({ length: rows }, (_, h) => values[h * width + feature] as number);
}

function scalar(arrays: ReadonlyMap<string, FileArray>, name: string): number | undefined {
  const array = arrays.get(name);
  if (array === undefined) return undefined;
  if (array.shape.some((size) => size !== 1))
    throw new SaeError(`${name} is [${array.shape.join(', ')}], and must be one number`);
  return array.toNumbers()[0];
}
