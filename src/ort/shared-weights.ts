/**
 * The weights of a model, for all of its sessions on the CPU: the external data files mapped into memory, each
 * weight as an initializer over its part of them. ONNX Runtime shares prepacked weights only between sessions
 * that were given the same initializers, so this is what makes a second session small.
 */
import { resolve, sep } from 'node:path';
import { dataTypeBytes, type ExternalWeight } from '../onnx/find/product-weights.js';
import { api, type Handle } from './library.js';
import { MappedFile } from './mapped-file.js';
import { check } from './status.js';
import { Tensor } from './tensor.js';

/** Kernels load vectors: weights at odder addresses are left to ONNX Runtime. */
const alignment = 64;

export class SharedWeights {
  readonly #files = new Map<string, MappedFile | null>();
  readonly #tensors = new Map<string, Tensor>();

  /** @throws the file system's error when a file is missing; a weight that reaches beyond its file is left out. */
  constructor(directory: string, weights: readonly ExternalWeight[]) {
    for (const { name, location, offset, bytes, dataType, shape } of weights) {
      const path = resolve(directory, location);
      // ONNX Runtime refuses files outside the model's folder: it shall say so itself.
      if (!path.startsWith(resolve(directory) + sep)) continue;
      if (!this.#files.has(path)) this.#files.set(path, MappedFile.open(path));
      const file = this.#files.get(path);
      const elements = shape.reduce((product, dimension) => product * dimension, 1);
      const fits =
        file && offset + bytes <= file.bytes && bytes === elements * (dataTypeBytes(dataType) ?? -1);
      if (!fits || offset % alignment !== 0) continue;
      this.#tensors.set(name, Tensor.at(file.address + BigInt(offset), bytes, dataType, shape));
    }
  }

  /** Before the session is built. */
  addTo(options: Handle): void {
    for (const [name, tensor] of this.#tensors)
      check(api.AddInitializer(options, name, tensor.handle), `share the weight ${name}`);
  }

  /** Gives back the pages of the files: once packed for the kernels a weight is not read again. Safe at any time. */
  forget(): void {
    for (const file of this.#files.values()) file?.forget();
  }

  /** After every session that uses them. */
  release(): void {
    for (const tensor of this.#tensors.values()) tensor.release();
    for (const file of this.#files.values()) file?.release();
  }
}
