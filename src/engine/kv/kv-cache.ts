/** Keys and values of the sequences of one session, whatever memory holds them. */
import type { Binding } from '../../ort/binding.js';
import { Session } from '../../ort/session.js';
import { elementTypes } from '../../ort/tensor.js';
import type { ModelSpec } from '../model-spec.js';
import type { Move } from '../schedule/scheduler.js';
import { ConcatenatedKvCache } from './concatenated-kv-cache.js';
import { DeviceKvCache } from './device-kv-cache.js';
import { HostKvCache } from './host-kv-cache.js';
import { copyingGraph } from './row-copier.js';

/** Rows [first, first + rows) of a KV cache that a run works on. */
export interface RowRange {
  readonly first: number;
  readonly rows: number;
}

export interface KvCache {
  readonly spec: ModelSpec;
  readonly slots: number;
  /** Tokens of one row. */
  readonly capacity: number;
  /** The row that belongs to no sequence: for scoring, and all there is of a cache without slots. */
  readonly scratch: number;
  /**
   * Makes a binding work on these rows, which hold `past` tokens and get `tokens` more. The same range always
   * comes with the same binding.
   * @param used how many of the rows are anybody's; the run spoils the others. All when left out.
   */
  bind(binding: Binding, range: RowRange, past: number, tokens: number, used?: number): void;
  /** The run that was bound last has succeeded. */
  advance(range: RowRange): void;
  /** Makes one row hold the first `length` tokens of another. */
  move(move: Move): void;
  /** After the bindings are released, and before the session is. */
  release(): void;
}

/** A cache in the memory that a session computes in. @throws OrtError when there is too little. */
export async function openKvCache(
  spec: ModelSpec,
  session: Session,
  slots: number,
  capacity: number,
): Promise<KvCache> {
  if (!session.device || spec.kvLayout === 'concatenated') return make(spec, session, slots, capacity, null);
  const { device } = session.device;
  const settings = { threads: 1, weightsDirectory: '.', spinning: false, device };
  return make(spec, session, slots, capacity, await Session.create(copyingGraph(spec), settings));
}

/** A cache without slots. @throws OrtError when there is too little memory. */
export function openScratchCache(spec: ModelSpec, session: Session, capacity: number): KvCache {
  return make(spec, session, 0, capacity, null);
}

function make(
  spec: ModelSpec,
  session: Session,
  slots: number,
  capacity: number,
  copying: Session | null,
): KvCache {
  if (spec.kvLayout === 'concatenated') return new ConcatenatedKvCache(spec, session, slots, capacity);
  return session.device
    ? new DeviceKvCache(spec, session.device, slots, capacity, copying)
    : new HostKvCache(spec, slots, capacity);
}

/** Bytes of one row's keys and values in all layers. */
export function kvRowBytes(spec: ModelSpec, capacity: number): number {
  const perElement = elementTypes[spec.kvType].array.BYTES_PER_ELEMENT;
  return 2 * spec.layers.length * spec.kvHeads * capacity * spec.headSize * perElement;
}

/** Bytes a cache holds once every slot is full. */
export function kvBytes(spec: ModelSpec, slots: number, capacity: number): number {
  return (slots + 1) * kvRowBytes(spec, capacity);
}
