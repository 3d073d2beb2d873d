/**
 * A model's weights, shared by all of its sessions on the CPU: the external data files are mapped into memory, and each
 * weight is an initializer over its part of them. ONNX Runtime shares prepacked weights only between sessions that were
 * given the same initializers; so a second session takes little memory.
 */
import { resolve, sep } from 'node:path';
import type { ExternalWeight } from '../onnx/find/product-weights.js';
import { dataTypeBytes } from '../onnx/graph/data-types.js';
import { api, type Handle } from './library.js';
import { MappedFile } from './mapped-file.js';
import { check } from './status.js';
import { Tensor } from './tensor.js';

/** Bytes. Kernels use vector loads; a weight at another address is left to ONNX Runtime. */
const alignment = 64;

export class SharedWeights {
  readonly #files = new Map<string, MappedFile | null>();
  readonly #tensors = new Map<string, Tensor>();

  /**
   * Weights that cannot be mapped are left to ONNX Runtime: one that reaches beyond its file or lies outside
   * `directory`, for instance, which it refuses with its own message.
   * @throws the file system's error when a file is missing
   */
  constructor(directory: string, weights: readonly ExternalWeight[]) {
    try {
      this.#map(directory, weights);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  #map(directory: string, weights: readonly ExternalWeight[]): void {
    for (const { name, location, offset, bytes, dataType, shape } of weights) {
      const path = resolve(directory, location);
      if (!path.startsWith(resolve(directory) + sep)) continue;
      if (!this.#files.has(path)) this.#files.set(path, MappedFile.open(path));
      const file = this.#files.get(path);
      const elements = shape.reduce((product, dimension) => product * dimension, 1);
      const fits =
        file && offset + bytes <= file.bytes && bytes === elements * (dataTypeBytes(dataType) ?? -1);
      if (!fits || offset % alignment !== 0) continue;
      this.#tensors.set(name, Tensor.atAddress(file.address + BigInt(offset), bytes, dataType, shape));
    }
  }

  /** Number of weights that were mapped. */
  get count(): number {
    return this.#tensors.size;
  }

  /** Adds the weights to the options of a session that is yet to be created. @throws OrtError */
  addTo(options: Handle): void {
    for (const [name, tensor] of this.#tensors)
      check(api.AddInitializer(options, name, tensor.handle), `share the weight ${name}`);
  }

  /** Drops the files' pages from memory: weights are not read again once they are packed. Safe at any time. */
  dropPages(): void {
    for (const file of this.#files.values()) file?.dropPages();
  }

  /** Call it after every session that uses them is released. */
  release(): void {
    for (const tensor of this.#tensors.values()) tensor.release();
    for (const file of this.#files.values()) file?.release();
  }
}
