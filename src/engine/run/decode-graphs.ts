/**
 * The decode steps that a device records as graphs, each when it is first needed: one for each number of rows and of
 * terms. Both are rounded up, so that a few graphs serve all batches.
 */
import { attentionLengths } from '../../onnx/graft/fixed-shapes.js';
import type { Session } from '../../ort/session.js';
import type { InPlaceKvCache } from '../kv/kv-cache.js';
import { DeviceCopies } from './device-copies.js';
import { copiedTogether, type DecodeRow, FixedShapeStep } from './fixed-shape-step.js';

/** Numbers of terms that have graphs; a batch with a longer edit runs node by node. */
const termCounts = [1, 2, 4] as const;

/** The log's warning when there are no device graphs although the settings want them. */
export const notReplayed = (reason: string) => `decode steps are not replayed as device graphs: ${reason}`;

export class DecodeGraphs {
  readonly #steps = new Map<string, FixedShapeStep>();

  private constructor(
    readonly session: Session,
    readonly cache: InPlaceKvCache,
    /** Null on the CPU. */
    readonly copies: DeviceCopies | null,
  ) {}

  /** @param session of a serving graft with fixed shapes. */
  static async open(session: Session, cache: InPlaceKvCache): Promise<DecodeGraphs> {
    if (!session.inputNames.has(attentionLengths))
      throw new TypeError('a decode step of fixed shape needs a graft with fixed shapes');
    const { deviceMemory } = session;
    const copies = deviceMemory && (await DeviceCopies.open(deviceMemory, [1, copiedTogether(session)]));
    return new DecodeGraphs(session, cache, copies);
  }

  /** The step for these sequences; null when one of them has more terms than any step. */
  stepFor(sequences: readonly DecodeRow[]): FixedShapeStep | null {
    const most = Math.max(...sequences.map(({ edit }) => edit.length));
    const terms = termCounts.find((count) => count >= most);
    if (terms === undefined) return null;
    const rows = this.#rowsFor(sequences.length);
    const key = `${rows} ${terms}`;
    const known = this.#steps.get(key);
    if (known) return known;
    // Graph 0 is that of runs that name none.
    const graph = this.#steps.size + 1;
    const step = new FixedShapeStep(this.session, this.cache, this.copies, rows, terms, graph);
    this.#steps.set(key, step);
    return step;
  }

  /**
   * A power of two on a device, where padding rows cost little. In host memory the rows are exact: there the slot of a
   * padding row may hold the prompt that is being prefilled.
   */
  #rowsFor(count: number): number {
    if (!this.session.device) return count;
    return Math.min(this.cache.slots, 2 ** Math.ceil(Math.log2(count)));
  }

  /** Before the cache and the session are released. */
  release(): void {
    for (const step of this.#steps.values()) step.release();
    this.#steps.clear();
    this.copies?.release();
  }
}
