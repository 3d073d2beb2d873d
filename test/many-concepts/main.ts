/**
 * `npm run many-concepts`: a database with thousands of concepts and three servers' parts on it, each a process of its own with a disk of
 * its own: how long each takes to know all names, what a look-up costs beside one among few, what a concept costs that has to be fetched,
 * that comes from the disk, that is in memory, and what memory it all takes. By hand: filling takes minutes.
 */
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createConcept } from '../../src/concepts/concept.js';
import { DatabaseConcepts } from '../../src/concepts/database-concepts.js';
import { openDatabase } from '../../src/database/open-database.js';
import { sampleFields } from '../concepts/sample.js';
import { startPostgres } from '../helpers/postgres.js';

const { values } = parseArgs({
  options: {
    concepts: { type: 'string', default: '10000' },
    layers: { type: 'string', default: '30' },
    hidden: { type: 'string', default: '576' },
    /** Rows of a calibration in each record. */
    answers: { type: 'string', default: '1000' },
    /** MiB. */
    memory: { type: 'string', default: '64' },
    /** Of the server's part that this process is, started by another one. */
    url: { type: 'string' },
    cache: { type: 'string' },
  },
});
const count = Number(values.concepts);
const mebibyte = 1024 ** 2;
const log = { warn() {}, info() {}, error() {} };

async function open(url: string, folder: string | null, memory: number) {
  const database = await openDatabase(url, log);
  const cache = { memory, disk: folder === null ? 0 : 64 * 1024 * mebibyte, folder };
  return { database, store: await DatabaseConcepts.open({ database, shipped: [], cache }) };
}

const nameOf = (index: number) => `concept ${String(index).padStart(6, '0')}`;

async function fill(url: string): Promise<void> {
  const { database, store } = await open(url, null, 0);
  for (let index = 0; index < count; index++) {
    const fields = sampleFields(nameOf(index), {
      seed: index,
      layers: Number(values.layers),
      hiddenSize: Number(values.hidden),
      // As long as what a measured calibration writes down.
      details: { answers: Array.from({ length: Number(values.answers) }, (_, i) => [index, i, 'an answer']) },
    });
    await store.put(createConcept(fields));
  }
  await store.close();
  await database.close();
}

/** Milliseconds of one call, the mean over `times`. */
async function each(times: number, work: (index: number) => unknown): Promise<number> {
  const start = performance.now();
  for (let index = 0; index < times; index++) await work(index);
  return (performance.now() - start) / times;
}

/** Nanoseconds. */
function lookUp(store: DatabaseConcepts, among: number): number {
  const names = Array.from({ length: 1000 }, (_, i) => nameOf((i * 7919) % among));
  const start = performance.now();
  for (let round = 0; round < 200; round++) for (const name of names) store.find('tiny', name);
  return ((performance.now() - start) * 1e6) / 200_000;
}

async function part(url: string, folder: string): Promise<object> {
  const before = process.memoryUsage.rss();
  const start = performance.now();
  const { database, store } = await open(url, folder, Number(values.memory) * mebibyte);
  const startSeconds = (performance.now() - start) / 1000;
  const known = store.list().length;
  const indexed = process.memoryUsage.rss();
  const some = Math.min(300, count);
  const load = (index: number) => store.load('tiny', nameOf((index * 31) % count));
  lookUp(store, count);
  const result = {
    startSeconds,
    known,
    indexMegabytes: (indexed - before) / mebibyte,
    lookUpNanoseconds: lookUp(store, count),
    lookUpAmong10Nanoseconds: lookUp(store, 10),
    fetchedMilliseconds: await each(some, load),
    againMilliseconds: await each(some, load),
    inMemoryMilliseconds: await each(1000, () => store.load('tiny', nameOf(((some - 1) * 31) % count))),
    heldMegabytes: store.held / mebibyte,
    residentMegabytes: process.memoryUsage.rss() / mebibyte,
  };
  await store.close();
  await database.close();
  return result;
}

if (values.url !== undefined && values.cache !== undefined) {
  process.send?.(await part(values.url, values.cache));
  process.disconnect();
} else {
  const postgres = await startPostgres();
  const folder = await mkdtemp(join(tmpdir(), 'steerd-many-'));
  try {
    const url = await postgres.createDatabase();
    const start = performance.now();
    await fill(url);
    const seconds = (performance.now() - start) / 1000;
    process.stdout.write(
      `${count} concepts stored in ${seconds.toFixed(0)} s, ${((1000 * seconds) / count).toFixed(1)} ms each\n`,
    );
    const options = Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name}`, value],
    );
    const parts = [1, 2, 3].map((number) => {
      const child = fork(fileURLToPath(import.meta.url), [
        ...options,
        '--url',
        url,
        '--cache',
        join(folder, String(number)),
      ]);
      return new Promise<object>((resolve, reject) => {
        child.once('message', (result: object) => resolve(result));
        child.once('exit', (code) => reject(new Error(`a server's part ended with ${code}`)));
      });
    });
    for (const result of await Promise.all(parts)) {
      const told = Object.entries(result).map(([name, value]) => `${name} ${Number(value).toPrecision(4)}`);
      process.stdout.write(`${told.join(', ')}\n`);
    }
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
