/**
 * A decode step of one shape, B rows with K terms each, over tensors that are never replaced: what changes from step to
 * step is written into them. So a device can record the first run of the step as a graph and replay it. On the CPU,
 * which records nothing, the session reads the same arrays in place.
 */
import { attentionLengths, attentionSpan } from '../../onnx/graft/fixed-shapes.js';
import { Binding, type RunOptions } from '../../ort/binding.js';
import type { Session } from '../../ort/session.js';
import { type ElementType, ownArray, Tensor } from '../../ort/tensor.js';
import type { InPlaceKvCache } from '../kv/kv-cache.js';
import type { ActivationEdit } from '../protocol.js';
import type { CopiedPair, DeviceCopies, DeviceCopy } from './device-copies.js';
import { ProjectionOutput, SteeringInputs } from './steering-tensors.js';

/** One row of a decode step: what the run must know of a sequence. */
export interface DecodeRow {
  /** The token to run. */
  readonly lastToken: number;
  /** Tokens in the cache. */
  readonly computed: number;
  readonly edit: ActivationEdit;
}

/** What a run of the serving graph computed. Valid until the next run. */
export interface RunOutput {
  /** [B, positions with logits, V], flat. */
  readonly logits: Float32Array;
  /** Null when they were not asked for. */
  readonly projections: ProjectionOutput | null;
}

/** A padding row: one token at the first position of a free slot. */
const padding: DecodeRow = { lastToken: 0, computed: 0, edit: [] };

/** CUDA reads the span on the host, and only while a step is recorded: there it is always the capacity. */
const spanOnDevice = (session: Session) => session.device?.name === 'webgpu';

/** How many tensors a step copies to the device at once. */
export function copiedTogether(session: Session): number {
  const optional = [spanOnDevice(session), session.inputNames.has('position_ids')];
  return (
    ['input_ids', attentionLengths, 'steering_add', 'steering_scale'].length + optional.filter(Boolean).length
  );
}

/** Copies of a step's tensors to the device and back. */
interface Transfers {
  readonly inputs: DeviceCopy;
  readonly vectors: DeviceCopy;
  readonly logits: DeviceCopy;
  readonly projections: DeviceCopy;
}

export class FixedShapeStep {
  readonly #projections = new ProjectionOutput();
  readonly #binding: Binding;
  readonly #steering: SteeringInputs;
  readonly #ids: BigInt64Array;
  readonly #positions: BigInt64Array;
  readonly #lengths: Int32Array;
  readonly #span: Int32Array;
  readonly #logits: Float32Array;
  /** Tensors over the arrays that every step writes. */
  readonly #written: readonly Tensor[];
  readonly #vectors: Tensor;
  /** Version of `#vectors` that the device has. */
  #copiedVectors = -1;
  readonly #transfers: Transfers | null;
  readonly #own: Tensor[] = [];

  /**
   * @param copies null on the CPU
   * @param terms K
   * @param graph its number among the device graphs of the session
   */
  constructor(
    readonly session: Session,
    readonly cache: InPlaceKvCache,
    copies: DeviceCopies | null,
    readonly rows: number,
    readonly terms: number,
    readonly graph: number,
  ) {
    const { layers, hiddenSize, vocabularySize } = cache.spec;
    this.#binding = new Binding(session);
    this.#steering = new SteeringInputs(layers.length, hiddenSize, terms);
    const { vectors, add, scale } = this.#steering.fill(new Array(rows).fill({ edit: [], position: 0 }), 1);
    this.#vectors = vectors;
    this.#ids = ownArray(BigInt64Array, rows);
    this.#positions = ownArray(BigInt64Array, rows);
    this.#lengths = ownArray(Int32Array, rows);
    this.#span = ownArray(Int32Array, 1);
    this.#logits = ownArray(Float32Array, rows * vocabularySize);

    const ids = this.#over(this.#ids, 'int64', [rows, 1]);
    const positions = this.#over(this.#positions, 'int64', [rows, 1]);
    const lengths = this.#over(this.#lengths, 'int32', [rows]);
    const span = this.#over(this.#span, 'int32', [1]);
    this.#written = [ids, positions, lengths, span];
    const inputs = [
      this.#input('input_ids', ids, 'int64'),
      ...(session.inputNames.has('position_ids') ? [this.#input('position_ids', positions, 'int64')] : []),
      this.#input(attentionLengths, lengths, 'int32'),
      this.#input('steering_add', add, 'float32'),
      this.#input('steering_scale', scale, 'float32'),
    ];
    if (spanOnDevice(session)) inputs.push(this.#input(attentionSpan, span, 'int32'));
    else {
      this.#span[0] = cache.capacity;
      this.#binding.input(attentionSpan, span);
    }
    const steered = this.#input('steering_vectors', vectors, 'float32');
    const lastOfEach = ownArray(BigInt64Array, rows).map((_, row) => BigInt(row));
    const last = this.#input('logit_positions', this.#over(lastOfEach, 'int64', [rows, 1]), 'int64');
    const logits = this.#output('logits', this.#over(this.#logits, 'float32', [rows, 1, vocabularySize]));
    const projected = this.#output('steering_projection', this.#projections.reshape(add.shape));
    this.#transfers = copies && {
      inputs: copies.copyOf(inputs),
      vectors: copies.copyOf([steered]),
      logits: copies.copyOf([logits]),
      projections: copies.copyOf([projected]),
    };
    const once = copies?.copyOf([last]);
    once?.run();
    once?.release();
  }

  #over(
    array: Float32Array | BigInt64Array | Int32Array,
    type: ElementType,
    shape: readonly number[],
  ): Tensor {
    const tensor = Tensor.over(array, type, shape);
    this.#own.push(tensor);
    return tensor;
  }

  /** A tensor like it on the device; on the CPU the tensor itself. */
  #onDevice(tensor: Tensor, type: ElementType): Tensor {
    const { deviceMemory } = this.session;
    if (!deviceMemory) return tensor;
    const placed = Tensor.onDevice(deviceMemory, type, tensor.shape);
    this.#own.push(placed);
    return placed;
  }

  #input(name: string, from: Tensor, type: ElementType): CopiedPair {
    const to = this.#onDevice(from, type);
    this.#binding.input(name, to);
    return { from, to, type };
  }

  #output(name: string, to: Tensor): CopiedPair {
    const from = this.#onDevice(to, 'float32');
    this.#binding.output(name, from);
    return { from, to, type: 'float32' };
  }

  /**
   * Runs one token of each sequence; slot = index, at most B of them. The other rows are padding rows.
   * @param projected whether projections are wanted
   * @returns logits [B, V]
   * @throws OrtError
   */
  run(sequences: readonly DecodeRow[], options: RunOptions, projected: boolean): RunOutput {
    const rows = Array.from({ length: this.rows }, (_, row) => sequences[row] ?? padding);
    rows.forEach(({ lastToken, computed }, row) => {
      this.#ids[row] = BigInt(lastToken);
      this.#positions[row] = BigInt(computed);
      this.#lengths[row] = computed;
    });
    const past = Math.max(...rows.map(({ computed }) => computed));
    if (spanOnDevice(this.session)) this.#span[0] = past + 1;
    for (const tensor of this.#written) tensor.changed();
    this.#steering.fill(
      rows.map(({ edit, computed }) => ({ edit, position: computed })),
      1,
    );
    this.cache.bind(this.#binding, { first: 0, rows: this.rows }, sequences.length);
    this.#transfers?.inputs.run();
    if (this.#copiedVectors !== this.#vectors.version) {
      this.#transfers?.vectors.run();
      this.#copiedVectors = this.#vectors.version;
    }
    if (this.session.captures) options.useGraph(this.graph);
    this.#binding.run(options);
    this.#transfers?.logits.run();
    if (projected) this.#transfers?.projections.run();
    return { logits: this.#logits, projections: projected ? this.#projections : null };
  }

  /** Before the cache and the session are released. */
  release(): void {
    if (this.#transfers) for (const copy of Object.values(this.#transfers)) copy.release();
    this.#binding.release();
    this.#projections.release();
    for (const tensor of this.#own) tensor.release();
  }
}
