/** Shows progress on a stream: one line that is updated on a terminal, a line for each stage in a log file. */
import type { WriteStream } from 'node:tty';
import { cells, clipped } from './columns.js';

/** The part of a stream that `ProgressLine` needs, such as `process.stderr`. */
export type ProgressStream = Pick<NodeJS.WritableStream, 'write'> &
  Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

/** Cells of a bar: shorter ones say nothing, and it leaves its place to words. */
const shortestBar = 6;
const longestBar = 24;

/** Moves the cursor to the beginning of the line and clears the line. */
const startOfLine = '\r\x1b[2K';

export class ProgressLine {
  #stage = '';
  #shown = '';

  constructor(private readonly stream: ProgressStream = process.stderr) {}

  /**
   * @param stage what is being done; a new stage is a new line in a log file
   * @param detail how far it is; shown on terminals only
   * @param share from 0 to 1, where it is known: a bar on terminals that have room for it
   */
  update(stage: string, detail = '', share?: number): void {
    if (this.stream.isTTY) {
      // A line as wide as the terminal would wrap, and could not be cleared.
      const width = Math.max(1, (this.stream.columns ?? 80) - 1);
      const room = width - cells(stage) - cells(detail) - 2;
      const bar = share === undefined || room < shortestBar ? '' : barOf(share, Math.min(longestBar, room));
      const fitting = clipped([stage, bar, detail].filter(Boolean).join(' '), width);
      if (fitting !== this.#shown) this.stream.write(startOfLine + fitting);
      this.#shown = fitting;
    } else if (stage !== this.#stage) {
      this.stream.write(`${stage}\n`);
    }
    this.#stage = stage;
  }

  /** Clears the line on a terminal. */
  clear(): void {
    if (this.#shown !== '') this.stream.write(startOfLine);
    this.#shown = '';
    this.#stage = '';
  }
}

function barOf(share: number, length: number): string {
  const done = Math.round(Math.min(1, Math.max(0, share)) * length);
  return '\u2588'.repeat(done) + '\u2591'.repeat(length - done);
}
