/**
 * One answer as it comes in. Chunks are many and small: they go into plain lists, and `version` tells once a frame that there is more
 * to be shown.
 */
import { type Signal, signal } from '@preact/signals';
import type { ChatCompletionChunk } from '../../schemas/chat.js';
import type { SteeringReceipt } from '../../schemas/steering-receipt.js';
import { FrameShare } from './frame-share.js';

export type AnswerState = 'waiting' | 'writing' | 'finished' | 'cut' | 'stopped' | 'failed';

export interface ReadToken {
  readonly text: string;
  /** One per monitored concept, in their order. */
  readonly values: readonly number[];
}

/** What is monitored, in the order of a token's values. */
export interface Monitored {
  readonly concept: string;
  readonly scale: 'calibrated' | 'norm' | 'raw';
}

type Choice = ChatCompletionChunk['choices'][number];

export class Answer {
  readonly version: Signal<number> = signal(0);
  state: AnswerState = 'waiting';
  text = '';
  reasoning = '';
  readonly tokens: ReadToken[] = [];
  /** Means over the answer, in the order of a token's values; there once it ended. */
  means: readonly (number | null)[] = [];
  receipts: readonly SteeringReceipt[] = [];
  /** How many tokens are to be drawn: it follows `tokens`, a part at a time where they come in a flood. */
  drawn = 0;
  private announced = false;
  private readonly share = new FrameShare();
  /** Whether the last frame left tokens over. */
  private flooded = false;

  /** @param steered whether it is the one with steering */
  constructor(readonly steered: boolean) {}

  take({ delta, monitor, steering, finish_reason }: Choice): void {
    this.text += delta.content ?? '';
    this.reasoning += delta.reasoning_content ?? '';
    if (steering !== undefined) this.receipts = steering as readonly SteeringReceipt[];
    if (monitor !== undefined) {
      monitor.tokens.forEach(({ text }, i) => {
        this.tokens.push({ text, values: monitor.concepts.map(({ values }) => values[i] ?? Number.NaN) });
      });
      if (finish_reason !== null) this.means = monitor.concepts.map(({ mean }) => mean ?? null);
    }
    if (this.state === 'waiting' && this.text !== '') this.state = 'writing';
    if (finish_reason !== null) this.state = finish_reason === 'length' ? 'cut' : 'finished';
    this.tell();
  }

  /** Ends it from outside; one that ended by itself stays as it is. */
  end(state: 'stopped' | 'failed'): void {
    if (this.isOpen) this.state = state;
    this.tell();
  }

  get isOpen(): boolean {
    return this.state === 'waiting' || this.state === 'writing';
  }

  private tell(): void {
    if (this.announced) return;
    this.announced = true;
    // A hidden page has no frames, and still wants to know in the end.
    const later = document.hidden ? (run: () => void) => setTimeout(run, 100) : requestAnimationFrame;
    later(() => {
      this.announced = false;
      // Nobody is held up by a page that is not seen.
      const { hidden } = document;
      if (!hidden) this.share.begin(performance.now(), this.flooded);
      const room = hidden ? this.tokens.length : this.share.pieces;
      this.drawn = Math.min(this.tokens.length, this.drawn + room);
      this.flooded = this.drawn < this.tokens.length;
      this.version.value++;
      if (this.flooded) this.tell();
    });
  }
}
