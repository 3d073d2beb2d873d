/**
 * The decode steps that a device has recorded as graphs, or will when they are first asked for: one for each number
 * of rows and of concepts. Both are rounded up, so that a few graphs serve all batches.
 */
import { attentionLengths } from '../../onnx/graft/fixed-shapes.js';
import type { Session } from '../../ort/session.js';
import type { KvCache } from '../kv/kv-cache.js';
import { DeviceCopies } from './device-copies.js';
import { copiedTogether, type DecodeRow, FixedStep } from './fixed-shape-step.js';

/** Numbers of concepts that have graphs; batches with a richer row run node by node. */
const conceptCounts = [1, 2, 4] as const;

/** What the log says where there are none, though they were asked for. */
export const nodeByNode = (reason: string) => `decode steps are not replayed as device graphs: ${reason}`;

export class DecodeGraphs {
  readonly #steps = new Map<string, FixedStep>();

  private constructor(
    readonly session: Session,
    readonly cache: KvCache,
    /** Null on the CPU. */
    readonly copies: DeviceCopies | null,
  ) {}

  /** @param session of a serving graft with fixed shapes. */
  static async open(session: Session, cache: KvCache): Promise<DecodeGraphs> {
    if (!session.inputNames.has(attentionLengths))
      throw new TypeError('a decode step of fixed shape needs a graft with fixed shapes');
    const copies = session.device && (await DeviceCopies.open(session.device, [1, copiedTogether(session)]));
    return new DecodeGraphs(session, cache, copies);
  }

  /** The step for these sequences; null when none is wide enough. */
  stepFor(sequences: readonly DecodeRow[]): FixedStep | null {
    const most = Math.max(...sequences.map(({ edit }) => edit.length));
    const concepts = conceptCounts.find((count) => count >= most);
    if (concepts === undefined) return null;
    const rows = this.#rowsFor(sequences.length);
    const key = `${rows} ${concepts}`;
    const known = this.#steps.get(key);
    if (known) return known;
    // Providers give 0 to runs that name no graph.
    const graph = this.#steps.size + 1;
    const step = new FixedStep(this.session, this.cache, this.copies, rows, concepts, graph);
    this.#steps.set(key, step);
    return step;
  }

  /** A row too many costs a device little. In a cache on the host it would be another sequence's prompt. */
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
