/** What docker sends to a build: the folder without what .dockerignore leaves out. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { must } from './process.js';

/**
 * Paths that .dockerignore lets through. It is read as a list of what is let in: `*`, then `!path` lines.
 * @throws Error for any other line
 */
export function allowedPaths(dockerignore: string): string[] {
  const lines = dockerignore.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const [first, ...rest] = lines;
  const other = first === '*' ? rest.find((line) => !/^![\w./-]+$/.test(line)) : `${first}`;
  if (other !== undefined) throw new Error(`.dockerignore must be "*" and "!path" lines; found "${other}"`);
  return rest.map((line) => line.slice(1));
}

/** Copies them into an empty folder. */
export async function copyContext(folder: string, to: string): Promise<void> {
  for (const path of allowedPaths(await readFile(join(folder, '.dockerignore'), 'utf8'))) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    await must('cp', ['-a', join(folder, path), join(to, path)]);
  }
}
