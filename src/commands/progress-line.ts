/** Progress on a stream for people: one line that updates on a terminal, a line per stage in a log file. */
import type { WriteStream } from 'node:tty';

/** What `ProgressLine` needs of a stream: `process.stderr` has it. */
export type ProgressStream = Pick<NodeJS.WritableStream, 'write'> &
  Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

const startOfLine = '\r\x1b[2K';

export class ProgressLine {
  #stage = '';
  #shown = '';

  constructor(private readonly stream: ProgressStream = process.stderr) {}

  /**
   * @param stage what goes on; a new one is a new line where lines cannot be updated
   * @param detail how far it is: shown on terminals only
   */
  update(stage: string, detail = ''): void {
    const line = detail === '' ? stage : `${stage} ${detail}`;
    if (this.stream.isTTY) {
      // A line as wide as the terminal would wrap and could not be taken back.
      const fitting = line.slice(0, Math.max(1, (this.stream.columns ?? 80) - 1));
      if (fitting !== this.#shown) this.stream.write(startOfLine + fitting);
      this.#shown = fitting;
    } else if (stage !== this.#stage) {
      this.stream.write(`${stage}\n`);
    }
    this.#stage = stage;
  }

  /** Takes the updating line away; lines of a log stay. */
  clear(): void {
    if (this.#shown !== '') this.stream.write(startOfLine);
    this.#shown = '';
    this.#stage = '';
  }
}
