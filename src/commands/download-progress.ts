/** Shows the progress of a pull or an import: one line with the speed on a terminal, a line for each tenth in a log file. */
import { shownBytes } from '../common/byte-size.js';
import { wrap } from './columns.js';
import { ProgressLine, type ProgressStream } from './progress-line.js';

/** Milliseconds between two updates. */
const updateInterval = 200;
/** Milliseconds over which the speed is measured. */
const speedWindow = 5_000;

/** Bytes of a stage that are done, and of all. */
interface ByteProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** Stages that are named: the one of which there is most is not. */
const names: Readonly<Record<string, string>> = {
  send: 'sending, ',
  build: 'building, ',
  check: 'checking, ',
};

export class DownloadProgress {
  #stage = '';
  readonly #line: ProgressLine;
  /** The number of bytes at times within the speed window. */
  readonly #samples: { at: number; done: number }[] = [];
  /** When the next update is due. */
  #next = 0;

  constructor(
    /** The model, as the user named it. */
    readonly what: string,
    private readonly stream: ProgressStream = process.stderr,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#line = new ProgressLine(stream);
  }

  /** Writes a line above the progress. */
  say(line: string): void {
    this.#line.clear();
    const lines = this.stream.isTTY ? wrap(line, this.stream.columns ?? 80) : [line];
    this.stream.write(`${lines.join('\n')}\n`);
  }

  /** Shows the progress, unless the last update was a moment ago. */
  update({ stage, done, total }: ByteProgress): void {
    if (stage === 'look up') {
      this.#line.update(`looking up ${this.what}`);
      return;
    }
    const now = this.now();
    if (stage !== this.#stage) this.#samples.length = 0;
    else if (now < this.#next && done < total) return;
    this.#stage = stage;
    this.#next = now + updateInterval;
    this.#samples.push({ at: now, done });
    while ((this.#samples[0]?.at ?? now) < now - speedWindow) this.#samples.shift();
    const share = total === 0 ? 1 : done / total;
    const named = names[stage] ?? '';
    const of = `${shownBytes(done)} of ${shownBytes(total)}`;
    // ProgressLine writes a line to a log file whenever the stage changes, so the tenth is the stage there.
    if (this.stream.isTTY)
      this.#line.update(`${named}${Math.floor(100 * share)} %`, `${of}${this.#speed(total - done)}`, share);
    else this.#line.update(`${named}${10 * Math.floor(10 * share)} % of ${shownBytes(total)}`);
  }

  /** Speed and time left, as a part of the line; empty before a second has passed. */
  #speed(left: number): string {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || last.at - first.at < 1000 || last.done <= first.done) return '';
    const perSecond = ((last.done - first.done) * 1000) / (last.at - first.at);
    const seconds = Math.ceil(left / perSecond);
    const time = seconds < 100 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
    return `, ${shownBytes(perSecond)}/s, ${time} left`;
  }

  /** Removes the progress from the terminal. */
  clear(): void {
    this.#line.clear();
  }
}
