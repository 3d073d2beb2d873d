/** `steerd` as a process of its own, to its end. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/**
 * @param environment beside that of this process
 * @param input what it reads
 */
export const steerd = (
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input = '',
): Promise<Ran> =>
  new Promise((done) => {
    const options = { env: { ...process.env, ...environment } };
    const child = execFile(process.execPath, [cli, ...args], options, (error, out, err) =>
      done({ code: error ? Number(error.code) : 0, out, err }),
    );
    child.stdin?.end(input);
  });
