/**
 * `npm run dev`: the server, compiled and started anew when a source changes, and the page bundled anew when one of its own does.
 * Arguments are those of `steerd serve`.
 */
import { watch } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/common/package.js';
import { builds } from './compiler.js';
import { dist } from './dist.js';
import { endGroupsOnSignals, type ProcessGroup, startNode } from './process-group.js';

endGroupsOnSignals();

const command = ['--enable-source-maps', join(dist, 'src/cli.js'), 'serve', ...process.argv.slice(2)];
// A stream that is open must not hold the next start up.
const quickStop = { STEERD_SHUTDOWN_SECONDS: process.env.STEERD_SHUTDOWN_SECONDS ?? '1' };

let bundling: NodeJS.Timeout | undefined;
const page = join(packageRoot, 'src/playground');
watch(page, { recursive: true }, () => {
  // An editor writes a file in several steps.
  clearTimeout(bundling);
  bundling = setTimeout(() => startNode([join(page, 'bundle.mjs')], 'inherit'), 100);
});

let server: ProcessGroup | undefined;
for await (const changed of builds()) {
  if (server !== undefined && !changed.some((file) => /^(src|routes|plugins)\b/.test(file))) continue;
  await server?.end();
  server = startNode(command, 'inherit', quickStop);
}
