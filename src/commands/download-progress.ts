/** How far a pull is, for people: one line on a terminal, a line per tenth in a log file. */
import { shownBytes } from '../common/byte-size.js';
import type { PullProgress } from '../models/pull/pull.js';
import { ProgressLine, type ProgressStream } from './progress-line.js';

/** Milliseconds between two updates, and over which the speed is measured. */
const every = 200;
const speedOver = 5_000;

export class DownloadProgress {
  readonly #line: ProgressLine;
  /** When how many bytes were here, over the last seconds. */
  readonly #past: { at: number; done: number }[] = [];
  #next = 0;

  constructor(
    readonly what: string,
    private readonly stream: ProgressStream = process.stderr,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#line = new ProgressLine(stream);
  }

  /** A line that stays. */
  say(line: string): void {
    this.#line.clear();
    this.stream.write(`${line}\n`);
  }

  update({ stage, done, total }: PullProgress): void {
    if (stage === 'look up') {
      this.#line.update(`looking up ${this.what}`);
      return;
    }
    const now = this.now();
    if (now < this.#next && done < total) return;
    this.#next = now + every;
    this.#past.push({ at: now, done });
    while ((this.#past[0]?.at ?? now) < now - speedOver) this.#past.shift();
    const share = total === 0 ? 1 : done / total;
    const of = `${shownBytes(done)} of ${shownBytes(total)}`;
    // A log gets a line per tenth: the stage is what is written there.
    if (this.stream.isTTY)
      this.#line.update(`${Math.floor(100 * share)} %`, `${of}${this.#speed(total - done)}`);
    else this.#line.update(`${10 * Math.floor(10 * share)} % of ${shownBytes(total)}`);
  }

  #speed(left: number): string {
    const [first, last] = [this.#past[0], this.#past.at(-1)];
    if (!first || !last || last.at - first.at < 1000 || last.done <= first.done) return '';
    const perSecond = ((last.done - first.done) * 1000) / (last.at - first.at);
    const seconds = Math.ceil(left / perSecond);
    const time = seconds < 100 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
    return `, ${shownBytes(perSecond)}/s, ${time} left`;
  }

  clear(): void {
    this.#line.clear();
  }
}
