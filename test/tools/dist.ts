/** dist/ beside the sources: what is compiled to where, and what is left of sources that are gone. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../../src/common/package.js';

export const dist = join(packageRoot, 'dist');

/** Where a source is compiled to; both are absolute or relative to the package. */
export const compiled = (source: string): string => join(dist, source.replace(/\.ts$/, '.js'));

export const sourceFolders = ['src', 'plugins', 'routes', 'test'] as const;

const outputs = /\.js(\.map)?$/;

/**
 * Deletes what sources that were moved or deleted left in dist/: the compiler leaves it there, and routes would be
 * loaded and tests run from it. Returns the deleted files.
 */
export function pruneDist(root = packageRoot): string[] {
  const dist = join(root, 'dist');
  const gone: string[] = [];
  for (const folder of sourceFolders.filter((one) => existsSync(join(dist, one)))) {
    for (const file of readdirSync(join(dist, folder), { recursive: true, encoding: 'utf8' })) {
      if (!outputs.test(file) || existsSync(join(root, folder, file.replace(outputs, '.ts')))) continue;
      rmSync(join(dist, folder, file));
      gone.push(join(folder, file));
    }
  }
  for (const folder of new Set(gone.map(dirname)))
    for (let one = folder; one !== '.' && isEmpty(join(dist, one)); one = dirname(one))
      rmdirSync(join(dist, one));
  return gone;
}

const isEmpty = (folder: string) => existsSync(folder) && readdirSync(folder).length === 0;
