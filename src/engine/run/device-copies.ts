/**
 * Copies the contents of whole tensors to, from and inside a device's memory. A device graph knows its tensors by their
 * addresses, and an array that is bound as an input gets a new address on the device each time: so a small session
 * copies from there to the tensor at the fixed address.
 */
import { dataTypes } from '../../onnx/graph/data-types.js';
import { Graph } from '../../onnx/graph/graph.js';
import { newModel, serializeModel } from '../../onnx/graph/model-file.js';
import { Binding, RunOptions } from '../../ort/binding.js';
import type { DeviceMemory } from '../../ort/device.js';
import { Session } from '../../ort/session.js';
import { type ElementType, Tensor } from '../../ort/tensor.js';

export interface CopiedPair {
  readonly from: Tensor;
  readonly to: Tensor;
  readonly type: ElementType;
}

/** A graph that copies input from_i to output to_i, both int32 of one length. */
function copyGraph(pairs: number): Uint8Array {
  const model = newModel('copies');
  const graph = new Graph(model);
  for (let index = 0; index < pairs; index++) {
    graph.addInput(`from_${index}`, dataTypes.int32, [`words_${index}`]);
    graph.add('Identity', [`from_${index}`], `to_${index}`);
    graph.addOutput(`to_${index}`, dataTypes.int32, [`words_${index}`]);
  }
  return serializeModel(model);
}

export class DeviceCopies {
  readonly #options = new RunOptions();

  private constructor(
    readonly memory: DeviceMemory,
    /** By how many tensors the session copies at once. */
    readonly sessions: ReadonlyMap<number, Session>,
  ) {}

  /**
   * @param memory of the tensors on the device
   * @param counts how many tensors will be copied at once
   */
  static async open(memory: DeviceMemory, counts: readonly number[]): Promise<DeviceCopies> {
    const sessions = new Map<number, Session>();
    const settings = { threads: 1, weightsDirectory: '.', spinning: false, device: memory.device };
    for (const count of new Set(counts))
      sessions.set(count, await Session.create(copyGraph(count), settings));
    return new DeviceCopies(memory, sessions);
  }

  /** A copy of these tensors, made each time it is run. */
  copyOf(pairs: readonly CopiedPair[]): DeviceCopy {
    const session = this.sessions.get(pairs.length);
    if (!session) throw new RangeError(`no session copies ${pairs.length} tensors at once`);
    return new DeviceCopy(session, this.memory, this.#options, pairs);
  }

  /** After its copies. */
  release(): void {
    for (const session of this.sessions.values()) session.release();
    this.#options.release();
  }
}

export class DeviceCopy {
  readonly #binding: Binding;
  readonly #sources: { readonly of: Tensor; readonly words: Tensor; seen: number }[];
  readonly #targets: readonly Tensor[];

  constructor(
    session: Session,
    memory: DeviceMemory,
    readonly options: RunOptions,
    pairs: readonly CopiedPair[],
  ) {
    this.#binding = new Binding(session);
    this.#sources = pairs.map(({ from, type }) => ({
      of: from,
      words: Tensor.words(from, type, memory),
      seen: from.version,
    }));
    this.#targets = pairs.map(({ to, type }) => Tensor.words(to, type, memory));
    this.#targets.forEach((words, index) => {
      this.#binding.output(`to_${index}`, words);
    });
  }

  /** @throws OrtError */
  run(): void {
    this.#sources.forEach((source, index) => {
      if (source.of.version !== source.seen) source.words.changed();
      source.seen = source.of.version;
      this.#binding.input(`from_${index}`, source.words);
    });
    this.#binding.run(this.options);
  }

  /** Before the tensors that it copies. */
  release(): void {
    this.#binding.release();
    for (const { words } of this.#sources) words.release();
    for (const words of this.#targets) words.release();
  }
}
