/** Shows progress on a stream: one line that is updated on a terminal, a line for each stage in a log file. */
import type { WriteStream } from 'node:tty';

/** The part of a stream that `ProgressLine` needs, such as `process.stderr`. */
export type ProgressStream = Pick<NodeJS.WritableStream, 'write'> &
  Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

/** Moves the cursor to the beginning of the line and clears the line. */
const startOfLine = '\r\x1b[2K';

export class ProgressLine {
  #stage = '';
  #shown = '';

  constructor(private readonly stream: ProgressStream = process.stderr) {}

  /**
   * @param stage what is being done; a new stage is a new line in a log file
   * @param detail how far it is; shown on terminals only
   */
  update(stage: string, detail = ''): void {
    const line = detail === '' ? stage : `${stage} ${detail}`;
    if (this.stream.isTTY) {
      // A line as wide as the terminal would wrap, and could not be cleared.
      const fitting = line.slice(0, Math.max(1, (this.stream.columns ?? 80) - 1));
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
