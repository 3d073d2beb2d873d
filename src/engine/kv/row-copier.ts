/**
 * Copies rows of a KV cache in a device's memory. ONNX Runtime's C API copies whole tensors only, so a small graph
 * does it: for every tensor of the cache, Gather reads a row and ScatterND writes it, in place, since its data and its
 * result are bound to one buffer.
 */
import { dataTypes } from '../../onnx/graph/data-types.js';
import { Graph } from '../../onnx/graph/graph.js';
import { newModel, serializeModel } from '../../onnx/graph/model-file.js';
import { Binding, RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { elementTypes, ownArray, Tensor } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';

/** cache_i [slots, ...] and source_i [rows, ...] give result_i: the cache with the source's row `from` at `to`. */
export function rowCopyGraph(spec: ModelSpec): Uint8Array {
  const model = newModel('rows');
  const graph = new Graph(model);
  const type = elementTypes[spec.kvType].code;
  const shape = [`${spec.kvHeads}`, 'capacity', `${spec.headSize}`];
  graph.addInput('from', dataTypes.int64, ['1']);
  graph.addInput('to', dataTypes.int64, ['1', '1']);
  for (let index = 0; index < 2 * spec.layers.length; index++) {
    graph.addInput(`cache_${index}`, type, ['slots', ...shape]);
    graph.addInput(`source_${index}`, type, ['rows', ...shape]);
    const row = graph.add('Gather', [`source_${index}`, 'from'], `row_${index}`, { axis: 0 });
    graph.add('ScatterND', [`cache_${index}`, 'to', row], `result_${index}`);
    graph.addOutput(`result_${index}`, type, ['slots', ...shape]);
  }
  return serializeModel(model);
}

export class RowCopier {
  readonly #runOptions = new RunOptions();
  readonly #from = ownArray(BigInt64Array, 1);
  readonly #to = ownArray(BigInt64Array, 1);
  readonly #fromTensor = Tensor.over(this.#from, 'int64', [1]);
  readonly #toTensor = Tensor.over(this.#to, 'int64', [1, 1]);
  readonly #attaching: Binding;
  readonly #moving: Binding;

  /**
   * @param session of `rowCopyGraph`; released with the copier
   * @param detached tensors of one row
   */
  constructor(
    readonly session: Session,
    slots: readonly Tensor[],
    detached: readonly Tensor[],
  ) {
    this.#attaching = this.#bind(slots, detached);
    this.#moving = this.#bind(slots, slots);
  }

  #bind(slots: readonly Tensor[], sources: readonly Tensor[]): Binding {
    const binding = new Binding(this.session);
    slots.forEach((tensor, index) => {
      const source = sources[index];
      if (!source) return;
      binding.input(`cache_${index}`, tensor);
      binding.input(`source_${index}`, source);
      binding.output(`result_${index}`, tensor);
    });
    return binding;
  }

  #run(binding: Binding, from: number, to: number): void {
    this.#from[0] = BigInt(from);
    this.#to[0] = BigInt(to);
    this.#fromTensor.changed();
    this.#toTensor.changed();
    binding.input('from', this.#fromTensor);
    binding.input('to', this.#toTensor);
    binding.run(this.#runOptions);
  }

  /** Copies the detached row to row `slot`. */
  attach(slot: number): void {
    this.#run(this.#attaching, 0, slot);
  }

  /** Copies row `from` to row `to`. */
  move(from: number, to: number): void {
    this.#run(this.#moving, from, to);
  }

  release(): void {
    this.#attaching.release();
    this.#moving.release();
    this.#runOptions.release();
    this.#fromTensor.release();
    this.#toTensor.release();
    this.session.release();
  }
}
