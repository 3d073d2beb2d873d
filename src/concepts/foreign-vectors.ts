/**
 * Directions in files of tensors that are not ours: safetensors, `.npz` and `.npy`. Read are `vectors` or `directions` [L, H];
 * `direction.N`, `layer.N`, `layers.N` or `N` [H] each; with `coefficients`, `residual_norms` [L]; an array without a name [L, H], or [H]
 * for a layer that the request names; and a feature of a sparse autoencoder (sae-direction.ts).
 */
import { decodeNpy, decodeNpz } from '../checkpoint/numpy.js';
import { conceptLimits } from '../common/concept-limits.js';
import { errors } from '../errors.js';
import type { Directions } from './control-vector.js';
import {
  type FileArray,
  hasDecoder,
  type SaeChoice,
  SaeError,
  saeArrays,
  saeDirection,
} from './sae-direction.js';

type Arrays = ReadonlyMap<string, FileArray>;
type FileFormat = 'safetensors' | 'npz' | 'npy';

/** The one array of an `.npy` file. */
const unnamed = '';

/** Unpacked: a decoder may be that large, and everything else is smaller. */
const mostNumpyBytes = Math.max(4 * conceptLimits.elements, 256 * 1024 ** 2);

export interface ForeignVectors {
  readonly directions: Directions;
  readonly coefficients?: Float32Array | undefined;
  readonly residualNorms?: Float32Array | undefined;
  /** For the record. */
  readonly details?: Readonly<Record<string, unknown>>;
}

interface Target {
  readonly model: string;
  readonly layers: number;
  readonly sae?: SaeChoice;
}

/**
 * @param mostBytes that the arrays may unpack to
 * @throws NumpyError
 */
export function numpyArrays(bytes: Uint8Array, format: 'npz' | 'npy', mostBytes = mostNumpyBytes): Arrays {
  if (format === 'npy') return new Map([[unnamed, decodeNpy(bytes)]]);
  // The names first: of an autoencoder the encoder, as large as the decoder, is not unpacked.
  const names: string[] = [];
  decodeNpz(bytes, { mostBytes: 0, wanted: (name) => !names.push(name) });
  const wanted = hasDecoder(names) ? saeArrays : () => true;
  return decodeNpz(bytes, { mostBytes, wanted });
}

/** @throws SteerdError vectors_invalid, vectors_mismatch; NumpyError, SafetensorsError for values that cannot be read */
export function foreignVectors(arrays: Arrays, format: FileFormat, target: Target): ForeignVectors {
  const { sae = {} } = target;
  if (hasDecoder(arrays.keys())) return fromSae(arrays, format, sae);
  if (sae.feature !== undefined)
    throw errors.vectorsInvalid(
      format,
      'feature is for files of autoencoders, and it has no W_dec, decoder.weight or decoder_row',
    );
  const found =
    sae.layer === undefined ? fromLayers(arrays, format, target) : atLayer(arrays, format, sae.layer);
  const { scale } = sae;
  if (scale === undefined) return found;
  const directions = new Map(
    [...found.directions].map(([layer, row]) => [layer, row.map((value) => scale * value)]),
  );
  return { ...found, directions, details: { scale } };
}

function fromSae(arrays: Arrays, format: FileFormat, asked: SaeChoice): ForeignVectors {
  try {
    const { feature, layer, scale, row } = saeDirection(arrays, asked);
    if (layer === null)
      throw new SaeError('say at which layer: the block, from 0, whose output the autoencoder reads');
    const directions = new Map([[layer, row.map((value) => scale * value)]]);
    return { directions, details: { sae: { feature, layer, scale, row_norm: Math.hypot(...row) } } };
  } catch (error) {
    throw error instanceof SaeError ? errors.vectorsInvalid(format, error.message) : error;
  }
}

/** One row, for the layer that the request names. */
function atLayer(arrays: Arrays, format: FileFormat, layer: number): ForeignVectors {
  const [[, array] = [], ...more] = arrays;
  if (array === undefined || more.length > 0 || array.shape.filter((size) => size !== 1).length > 1)
    throw errors.vectorsInvalid(format, 'layer is for a file with one vector [H] alone');
  return { directions: new Map([[layer, array.toFloat32()]]) };
}

function fromLayers(arrays: Arrays, format: FileFormat, target: Target): ForeignVectors {
  const directions = new Map<number, Float32Array>();
  const perLayer: Record<string, Float32Array> = {};
  const wholes = [...arrays.keys()].filter((name) => ['vectors', 'directions', unnamed].includes(name));
  // Our own .npz has both: unit vectors with their coefficients, and their product.
  const chosen = wholes.includes('vectors') ? 'vectors' : wholes[0];
  for (const [name, array] of arrays) {
    const layer = /^(?:direction[._]|layers?[._])?(\d{1,5})$/.exec(name)?.[1];
    const shape = array.shape.filter((size) => size !== 1);
    if (layer !== undefined && shape.length <= 1) {
      if (directions.has(Number(layer))) throw errors.vectorsInvalid(format, `layer ${layer} stands twice`);
      directions.set(Number(layer), array.toFloat32());
    } else if (wholes.includes(name) && array.shape.length === 2) {
      if (name === chosen) readWhole(array, directions, name, target);
    } else if (name === 'coefficients' || name === 'residual_norms') {
      perLayer[name] = array.toFloat32();
    } else {
      const which =
        name === unnamed
          ? 'the array'
          : `${format === 'safetensors' ? 'tensor' : 'array'} ${JSON.stringify(name.slice(0, 80))}`;
      const hint = shape.length <= 1 && arrays.size === 1 ? '; one vector [H] needs a layer' : '';
      throw errors.vectorsInvalid(
        format,
        `${which} [${array.shape.slice(0, 8)}] is none of vectors [L, H], direction.N [H], layer.N [H], coefficients [L], residual_norms [L]${hint}`,
      );
    }
  }
  const coefficients = chosen === 'vectors' || wholes.length === 0 ? perLayer.coefficients : undefined;
  return { directions, coefficients, residualNorms: perLayer.residual_norms };
}

function readWhole(
  array: FileArray,
  directions: Map<number, Float32Array>,
  name: string,
  { model, layers }: Target,
): void {
  const [rows = 0, width = 0] = array.shape;
  if (rows !== layers) {
    const what = name === unnamed ? 'the array' : name;
    throw errors.vectorsMismatch(model, `${what} has ${rows} rows, and the model ${layers} layers`);
  }
  const values = array.toFloat32();
  for (let row = 0; row < rows; row++) directions.set(row, values.subarray(row * width, (row + 1) * width));
}
