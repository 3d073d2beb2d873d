/** A run that is sent and taken: all that is whole arrives once, and what the folder has more stays. */
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { type Asked, askedOfRequest } from '../../src/benchmark/asked.js';
import { headOf } from '../../src/benchmark/head.js';
import { readRun, writeRun } from '../../src/benchmark/record-file.js';
import { type FitRecord, recordsFile } from '../../src/benchmark/records.js';
import { FolderRuns } from '../../src/benchmark/run-keeping.js';
import { takeRun, wholeRun } from '../../src/benchmark/whole-run.js';
import { BenchmarkRequest } from '../../src/schemas/benchmarks.js';
import { StubService } from './stub-service.js';

const fit = (concept: string): FitRecord => ({
  ...{ kind: 'fit', concept, class: 'fears', variant: 'one', error: 'none', version: null, layers: [] },
  ...{ calibration: null, side_effects: null, warnings: [], seconds: { fit: 0, calibrate: 0 } },
});
const line = (concept: string) => `${JSON.stringify(fit(concept))}\n`;

const asked = (more: object = {}): Asked => askedOfRequest(BenchmarkRequest.parse({ sample: 1, ...more }));

const head = (settings: Asked) => headOf(new StubService(), settings);

/** A server with a run of two records, and a third that is being written. */
async function sides(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-whole-run-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const there = join(folder, 'runs', 'first');
  await writeRun(there, await head(asked()));
  await appendFile(join(there, recordsFile), line('sea') + line('tea') + line('sky').slice(0, -5));
  const runs = new FolderRuns(join(folder, 'runs'));
  const here = join(folder, 'here');
  const take = async () => takeRun(createInterface({ input: await wholeRun(runs, 'first') }), here);
  const read = (of: string) => readFile(join(of, recordsFile), 'utf8');
  return { folder, there, here, runs, take, read };
}

test('what is whole is taken, a line in the middle of being written is not', async (t) => {
  const { there, here, take, read } = await sides(t);
  assert.deepEqual(await take(), { sent: 2, added: 2 });
  assert.equal(await read(here), line('sea') + line('tea'));
  assert.deepEqual(await readRun(here), await readRun(there));
});

test('taken again it brings what is new, and leaves what the folder has more', async (t) => {
  const { there, here, take, read } = await sides(t);
  await take();
  await appendFile(join(here, recordsFile), line('mine'));
  await appendFile(join(there, recordsFile), line('sky').slice(-5));
  assert.deepEqual(await take(), { sent: 3, added: 1 });
  assert.equal(await read(here), ['sea', 'tea', 'mine', 'sky'].map(line).join(''));
});

test('a folder of another run is refused and stays as it is; of a run that there is not nothing is made', async (t) => {
  const { folder, here, runs, take } = await sides(t);
  await writeRun(here, await head(asked({ seed: 7 })));
  await assert.rejects(take(), /--out must be a new folder/);
  await assert.rejects(stat(join(here, recordsFile)), { code: 'ENOENT' });
  await assert.rejects(wholeRun(runs, 'none'), { code: 'benchmark_not_found' });
  const nobody = createInterface({ input: Readable.from([]) });
  await assert.rejects(takeRun(nobody, join(folder, 'nothing')), /the reply must be/);
  await assert.rejects(stat(join(folder, 'nothing')), { code: 'ENOENT' });
});
