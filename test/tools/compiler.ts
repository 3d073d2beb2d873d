/** The TypeScript compiler in watch mode. */
import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../../src/common/package.js';
import { dist, pruneDist, sourceFolders } from './dist.js';
import { startNode } from './process-group.js';

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

/** Yields after each build without errors: the sources, relative to the package, that were compiled anew or are gone. */
export async function* builds(): AsyncGenerator<string[], void> {
  let before = outputs();
  const arguments_ = ['-p', packageRoot, '--watch', '--preserveWatchOutput'];
  const { stdout } = startNode([tsc, ...arguments_], ['ignore', 'pipe', 'inherit']);
  if (stdout === null) return;
  for await (const line of createInterface({ input: stdout })) {
    const found = / - Found (\d+) errors?\./.exec(line);
    if (found === null || found[1] !== '0') {
      if (line !== '' && !/ - (Starting|File change)/.test(line)) process.stderr.write(`${line}\n`);
      continue;
    }
    pruneDist();
    const now = outputs();
    const changed = [...now.keys(), ...before.keys()].filter((file) => now.get(file) !== before.get(file));
    before = now;
    yield [...new Set(changed)].map((file) => file.replace(/\.js$/, '.ts'));
  }
}

/** When each compiled file was written. */
function outputs(): Map<string, number> {
  const found = sourceFolders.flatMap((folder) =>
    readdirSync(join(dist, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.js'))
      .map((file) => join(folder, file)),
  );
  return new Map(found.map((file) => [file, statSync(join(dist, file)).mtimeMs]));
}
