/** Runs, after each build, the tests that a change can reach. */
import { join } from 'node:path';
import { packageRoot } from '../../src/common/package.js';
import { readImports } from '../structure/structure.js';
import { builds } from './compiler.js';
import { dist, sourceFolders } from './dist.js';
import { endGroupsOnSignals, type ProcessGroup, startNode } from './process-group.js';
import { reachedBy } from './reached-tests.js';

/**
 * Watches for ever. `files` are the tests that may run; with `atOnce` all of them run before the first change.
 * `options` are handed on to each run.
 */
export async function watchTests(
  files: readonly string[],
  options: readonly string[],
  atOnce: boolean,
): Promise<void> {
  endGroupsOnSignals();
  const due = new Set(atOnce ? files : []);
  let run: ProcessGroup | undefined;
  for await (const changed of builds()) {
    const reached = reachedBy(changed, readImports(packageRoot, sourceFolders));
    for (const test of files.filter((file) => reached.has(file))) due.add(test);
    await run?.end();
    if (due.size === 0) {
      wait();
      continue;
    }
    const own = startNode(
      ['--enable-source-maps', join(dist, 'test/tools/test.js'), '--reporter', 'spec', ...options, ...due],
      'inherit',
    );
    run = own;
    // What failed is due again with the next change, whatever that is.
    own.exited.then((code) => {
      if (run !== own) return;
      if (code === 0) due.clear();
      wait();
    });
  }
}

const wait = () => process.stdout.write('\nWaiting for a change; Ctrl-C ends.\n');
