/** That ONNX Runtime neither identifies the machine nor keeps events for an upload. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/package-root.js';
import { tinyModel } from '../helpers/tiny-models.js';

/** A model loaded and run by a worker thread, as in the server, in a process of its own. */
const script = `
const { WorkerEngine } = await import(process.argv[2]);
const engine = await WorkerEngine.start({ model: 'm', directory: process.argv[3], threads: 1, slots: 1,
  capacity: 32, prefillChunk: 32, queue: 1 });
await engine.score({ tokens: [1, 2, 3], from: 1, edit: [], priority: 'interactive' });
await engine.close();
process.exit(0);
`;

test('a process that loads and runs a model leaves nothing in its home folder', async () => {
  const home = await mkdtemp(join(tmpdir(), 'steerd-home-'));
  try {
    const worker = join(packageRoot, 'dist/src/engine/worker-engine.js');
    const { directory } = tinyModel('llama-genai');
    // With CI or unit tests around it ONNX Runtime declines by itself.
    const { PATH } = process.env;
    const file = join(home, 'run.mjs');
    await writeFile(file, script);
    await promisify(execFile)(process.execPath, [file, worker, directory], { env: { PATH, HOME: home } });
    assert.deepEqual(await readdir(home), ['run.mjs']);
  } finally {
    await rm(home, { recursive: true });
  }
});
