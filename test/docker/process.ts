/** Running other programs. */
import { execFile, type SpawnOptions, spawn } from 'node:child_process';

export interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs to the end, whatever that is; both streams in one text. */
export function outcome(
  program: string,
  words: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env'> = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (piece: Buffer) => {
      output += piece.toString();
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, output }));
  });
}

/** Runs to the end. @returns standard output @throws Error with what it wrote when it fails */
export function must(
  program: string,
  words: readonly string[],
  options: Pick<SpawnOptions, 'cwd'> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, words, { ...options, maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      if (error)
        reject(new Error(`${program} ${words.join(' ')}\n${stdout.slice(-4000)}${stderr.slice(-4000)}`));
      else resolve(stdout);
    });
  });
}
