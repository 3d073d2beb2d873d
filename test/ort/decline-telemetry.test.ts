/** That ONNX Runtime neither identifies the machine nor keeps events for an upload. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import { tinyModel } from '../helpers/tiny-models.js';

/** ONNX Runtime in a thread alone, as where the command line checks an export. */
const threadScript = `
const { Worker } = await import('node:worker_threads');
const code = 'import(' + JSON.stringify(process.argv[2]) + ').then(({ loadGraphs }) => loadGraphs('
  + JSON.stringify(process.argv[3]) + ', 1)).then(() => process.exit(0))';
new Worker(code, { eval: true });
`;

/** A model loaded and run by a worker thread, as in the server, in a process of its own. */
const script = `
const { WorkerEngine } = await import(process.argv[2]);
const engine = await WorkerEngine.start({ model: 'm', directory: process.argv[3], threads: 1, slots: 1,
  capacity: 32, prefillChunk: 32, queue: 1 });
await engine.score({ tokens: [1, 2, 3], from: 1, edit: [], priority: 'interactive' });
await engine.close();
process.exit(0);
`;

for (const { what, module, run } of [
  { what: 'loads and runs a model', module: 'client/worker-engine', run: script },
  { what: 'uses ONNX Runtime in a thread alone', module: 'load/loaded-graphs', run: threadScript },
])
  test(`a process that ${what} leaves nothing in its home folder`, async () => {
    const home = await mkdtemp(join(tmpdir(), 'steerd-home-'));
    try {
      const { directory } = tinyModel('llama-genai');
      // With CI or unit tests around it ONNX Runtime declines by itself.
      const { PATH } = process.env;
      const file = join(home, 'run.mjs');
      await writeFile(file, run);
      const used = join(packageRoot, `dist/src/engine/${module}.js`);
      await promisify(execFile)(process.execPath, [file, used, directory], { env: { PATH, HOME: home } });
      assert.deepEqual(await readdir(home), ['run.mjs']);
    } finally {
      await rm(home, { recursive: true });
    }
  });
