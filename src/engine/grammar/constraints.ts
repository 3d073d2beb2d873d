/**
 * The constraints of a worker's running sequences. Their grammars are in a thread of their own (grammar-thread.ts), which
 * computes masks of the tokens that may come next: a sequence whose mask is not there yet waits while the others go on.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { ConstraintSource, GrammarVocabulary } from '../protocol.js';
import type { Ahead, FromGrammarThread, GrammarThreadSettings, ToGrammarThread } from './grammar-thread.js';

/** The grammar allows no token at all at this place, so the answer cannot be completed. */
export class ConstraintDeadEnd extends Error {}

/** One sequence's position in its grammar. */
export class TokenConstraint {
  #mask: Int32Array | null = null;
  #failure: Error | null = null;
  #ahead: readonly Ahead[] = [];
  /** Tokens that came as the thread had said, and that it was not told of yet. */
  #unsent: readonly number[] = [];

  /** @param send gets the tokens that were accepted since the last time */
  constructor(
    readonly endTokens: readonly number[],
    readonly send: (type: 'accept' | 'release', tokens: readonly number[]) => void,
  ) {}

  /** What the grammar forces next, as tokens that are likely to write it: their masks are known. */
  get forced(): readonly number[] {
    return this.#ahead.map(({ token }) => token);
  }

  /** Whether there is a mask for the next token, or a failure. */
  get ready(): boolean {
    return this.#mask !== null || this.#failure !== null;
  }

  receive(mask: Int32Array, ahead: readonly Ahead[] = []): void {
    this.#mask = mask;
    this.#ahead = ahead;
  }

  fail(error: Error): void {
    this.#failure = error;
  }

  /**
   * Sets the logits [V] of tokens that may not come to -Infinity. Only when `ready`.
   * @param banned further tokens that may not come, unless no other token could
   * @throws ConstraintDeadEnd when no token may come; the thread's failure
   */
  apply(logits: Float32Array, banned: readonly number[]): void {
    if (this.#failure) throw this.#failure;
    const mask = this.#mask;
    if (!mask) throw new Error('the mask is not there yet');
    let allowed = 0;
    let left = 0;
    for (let token = 0; token < logits.length; token++) {
      if ((((mask[token >>> 5] ?? 0) >>> (token & 31)) & 1) === 1) {
        allowed++;
        left += banned.includes(token) ? 0 : 1;
      } else logits[token] = Number.NEGATIVE_INFINITY;
    }
    if (allowed === 0) throw new ConstraintDeadEnd('it leads to a place where nothing may follow');
    if (left > 0) for (const token of banned) logits[token] = Number.NEGATIVE_INFINITY;
  }

  /** The next token is this one: asks for the mask after it, unless that is known. */
  accept(token: number): void {
    const [next, ...later] = this.#ahead;
    this.#unsent = [...this.#unsent, token];
    if (next?.token === token) {
      this.#mask = next.mask;
      this.#ahead = later;
      return;
    }
    this.#mask = null;
    this.#ahead = [];
    this.send('accept', this.#unsent);
    this.#unsent = [];
  }

  release(): void {
    this.send('release', []);
  }
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
}

export class Constraints {
  #thread: Thread | null = null;
  readonly #open = new Map<number, { constraint: TokenConstraint; begun: (error: Error | null) => void }>();
  #nextId = 1;

  /**
   * @param size of the logits: V
   * @param changed is called when a mask has come, or when all constraints have failed
   * @param ahead of how many tokens that a grammar forces the masks shall come with that of the first
   */
  constructor(
    readonly vocabulary: GrammarVocabulary,
    readonly size: number,
    readonly changed: () => void,
    readonly ahead = 0,
  ) {}

  /**
   * Compiles a constraint; its first mask is ready when the promise resolves.
   * @param source is known to compile (constraint-check.ts)
   */
  async begin(source: ConstraintSource): Promise<TokenConstraint> {
    const thread = this.#thread ?? this.#start();
    this.#thread = thread;
    const id = this.#nextId++;
    const constraint = new TokenConstraint(this.vocabulary.endTokens, (type, tokens) => {
      if (type === 'release') this.#open.delete(id);
      thread.port.postMessage({ type, id, tokens } satisfies ToGrammarThread);
    });
    await new Promise<void>((resolve, reject) => {
      this.#open.set(id, { constraint, begun: (error) => (error ? reject(error) : resolve()) });
      thread.port.postMessage({ type: 'begin', id, source } satisfies ToGrammarThread);
    });
    return constraint;
  }

  #start(): Thread {
    const { port1: port, port2 } = new MessageChannel();
    const { vocabulary, size, ahead } = this;
    const worker = new Worker(new URL('./grammar-thread.js', import.meta.url), {
      workerData: { vocabulary, size, ahead, port: port2 } satisfies GrammarThreadSettings,
      transferList: [port2],
      // The library prints there before it aborts; the errors have the same text.
      stderr: true,
      stdout: true,
    });
    const thread: Thread = { worker, port };
    port.on('message', (message: FromGrammarThread) => {
      this.#receive(message);
      this.changed();
    });
    const gone = (reason: string) => {
      if (this.#thread === thread) this.#end(new Error(`the grammar library failed: ${reason}`));
    };
    worker.once('error', (error: Error) => gone(error.message));
    worker.once('exit', () => gone('its thread ended'));
    return thread;
  }

  /** Takes the masks that have come, without a turn of the event loop: they may have come during a decode step. */
  receive(): void {
    const { port } = this.#thread ?? {};
    if (!port) return;
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      this.#receive(next.message as FromGrammarThread);
  }

  #receive(message: FromGrammarThread): void {
    const open = this.#open.get(message.id);
    if ('mask' in message) {
      open?.constraint.receive(message.mask, message.ahead);
      open?.begun(null);
      return;
    }
    const error = new Error(message.error);
    this.#open.delete(message.id);
    open?.constraint.fail(error);
    open?.begun(error);
    if (message.broken) this.#end(new Error(`the grammar library failed: ${message.error}`));
  }

  /** All constraints fail; the next one starts a new thread. */
  #end(error: Error): void {
    const { worker, port } = this.#thread ?? {};
    this.#thread = null;
    port?.close();
    void worker?.terminate();
    for (const { constraint, begun } of this.#open.values()) {
      constraint.fail(error);
      begun(error);
    }
    this.#open.clear();
    this.changed();
  }

  /** Every constraint fails. */
  async close(): Promise<void> {
    await this.#thread?.worker.terminate();
  }
}
