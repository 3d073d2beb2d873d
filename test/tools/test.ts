/**
 * `npm test`, `npm run test:all`, `npm run test:watch`, and files or folders by name:
 * `npm run test:file -- test/routes/chat.test.ts`. test-plan.ts says what runs when.
 * It is the compiled tests that run; stack traces show the TypeScript.
 */
import { setMaxListeners } from 'node:events';
import { relative } from 'node:path';
import { Readable } from 'node:stream';
import { spec, tap } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import { pruneDist } from './dist.js';
import { isSlow, planTests, testFiles } from './test-plan.js';
import { runTests } from './test-run.js';

const { values, positionals } = parseArgs({
  options: {
    /** The slow ones too. */
    all: { type: 'boolean', default: false },
    /** The slow ones only: what `npm test` leaves out. */
    rest: { type: 'boolean', default: false },
    /** Again after each change, what the change can reach. */
    watch: { type: 'boolean', default: false },
    /** Tests whose names match this regular expression. */
    match: { type: 'string' },
    reporter: { type: 'string', default: process.stdout.isTTY ? 'spec' : 'tap' },
  },
  allowPositionals: true,
});

const wanted = (file: string) => values.all || isSlow(file) === values.rest;
const named = positionals.flatMap((path) => testFiles(packageRoot, relative(packageRoot, path)));
const files = named.length > 0 ? named : testFiles(packageRoot).filter(wanted);
const { match } = values;

pruneDist();
if (values.watch) {
  const { watchTests } = await import('./test-watch.js');
  await watchTests(files, match === undefined ? [] : ['--match', match], named.length > 0);
} else {
  const stop = new AbortController();
  // Each process that is to come listens.
  setMaxListeners(0, stop.signal);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      stop.abort();
      process.exit(130);
    });
  const events = Readable.from(runTests(planTests(files), { match, signal: stop.signal }));
  const report = values.reporter === 'spec' ? events.compose(new spec()) : events.compose(tap);
  report.pipe(process.stdout);
}
