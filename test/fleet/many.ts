/**
 * Thousands of concepts on whole servers: how long three take to start with empty caches, what a look-up costs beside one on a server that
 * has a hundred, asked in turns, and what memory they take when they have used many of them.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import { partsOfConcept } from '../../src/concepts/concept-file.js';
import * as rows from '../../src/concepts/database-rows.js';
import type { Database, Queries } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { openSharedConcepts } from '../../src/server/open-shared.js';
import { tinyChatModel } from '../commands/tiny-chat-model.js';
import { sampleFields } from '../concepts/sample.js';
import { leastAtRest } from '../helpers/resident-memory.js';
import { ask, call, json, register } from './calls.js';
import { Fleet, type Part } from './fleet.js';

const mebibyte = 1024 ** 2;
/** STEERD_CONCEPT_MEMORY, in MiB: a fraction of what all concepts would take. On the disk nothing is kept, so that both sides read the database. */
const conceptMemory = 8;
/** Rows in each record, as long as what a measured calibration writes down: some 20 kB, which are three times that in memory. */
const answers = 1000;
const few = 100;
const batch = 200;
const log = { warn() {}, info() {}, error() {} };

const nameOf = (index: number) => `many-${String(index).padStart(6, '0')}`;

async function withDatabase<Result>(
  url: string,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = await openDatabase(url, log);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** A concept as servers make it, for what it says of its model. */
async function patternOf(fleet: Fleet): Promise<Concept> {
  const { reply } = await register(fleet.urls[0] ?? '', 'pattern', 1);
  json(reply);
  return withDatabase(fleet.databaseUrl, async (database) => {
    const bounds = { maxConcepts: 10, maxConceptBytes: mebibyte, conceptMemory: 0, conceptDisk: 0 };
    const store = await openSharedConcepts({ ...bounds, cacheDirectory: null }, database, log);
    try {
      const stored = await store.load(tinyChatModel, 'pattern');
      assert.ok(stored);
      return stored.concept;
    } finally {
      await store.close();
    }
  });
}

/** @param from the number of the first */
async function fill(fleet: Fleet, from: number, count: number): Promise<void> {
  const pattern = await patternOf(fleet);
  const { layers, hiddenSize, model, modelFingerprint } = pattern;
  const details = { answers: Array.from({ length: answers }, (_, i) => [i, i % 7, 'an answer']) };
  const conceptOf = (index: number) => {
    const options = { seed: index + 2, model, layers, hiddenSize, details };
    return createConcept({ ...sampleFields(nameOf(index), options), modelFingerprint });
  };
  await withDatabase(fleet.databaseUrl, async (database) => {
    for (let begin = from; begin < count; begin += batch) {
      const length = Math.min(batch, count - begin);
      const concepts = Array.from({ length }, (_, at) => conceptOf(begin + at));
      await database.transaction((queries) => storeAll(queries, concepts));
    }
  });
}

/** What database-rows.ts writes of each, in one statement for each table. */
async function storeAll(queries: Queries, concepts: readonly Concept[]): Promise<void> {
  const first = await rows.beginChange(queries);
  await queries.query('UPDATE steerd.concept_state SET revision = $1', [first + concepts.length]);
  const all = concepts.map((concept, at) => {
    const { name, version, vectors } = concept;
    const parts = partsOfConcept(concept);
    const bytes = Buffer.from(parts.vectors);
    const hash = createHash('sha256').update(bytes).digest('hex');
    return { name, version, parts, bytes, hash, size: vectors.byteLength, revision: first + at + 1 };
  });
  const columns = {
    version: all.map(({ version }) => version),
    name: all.map(({ name }) => name),
    hash: all.map(({ hash }) => hash),
  };
  await queries.query(
    'INSERT INTO steerd.vectors (hash, bytes) SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING',
    [columns.hash, all.map(({ bytes }) => bytes)],
  );
  await queries.query(
    `INSERT INTO steerd.contents (model, version, name, document, residual_norms, coefficients, vectors)
     SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::text[])`,
    [
      ...[tinyChatModel, columns.version, columns.name, all.map(({ parts }) => parts.document)],
      all.map(({ parts }) => Buffer.from(parts.residual_norms)),
      ...[all.map(({ parts }) => Buffer.from(parts.coefficients)), columns.hash],
    ],
  );
  await queries.query(
    `INSERT INTO steerd.concepts (model, number, name, version, bytes, revision)
     SELECT $1, 1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])`,
    [
      ...[tinyChatModel, columns.name, columns.version],
      ...[all.map(({ size }) => size), all.map(({ revision }) => revision)],
    ],
  );
  await queries.query(
    'INSERT INTO steerd.versions (model, number, name, version) SELECT $1, 1, * FROM unnest($2::text[], $3::text[])',
    [tinyChatModel, columns.name, columns.version],
  );
  await rows.announce(queries, first + concepts.length);
}

/** How many names a server knows. */
async function known(url: string): Promise<number> {
  const { text } = await call(url, '/metrics');
  return Number(/^steerd_concepts (\d+)$/m.exec(text)?.[1] ?? Number.NaN);
}

/** Seconds until each answers, all begun at once, with empty caches. */
async function startTimes(fleet: Fleet): Promise<number[]> {
  for (const replica of fleet.replicas) {
    await replica.stop();
    await rm(join(fleet.folder, `${replica.name}-cache`), { recursive: true, force: true });
  }
  return Promise.all(
    fleet.replicas.map(async (replica) => {
      const begun = performance.now();
      await replica.start();
      return (performance.now() - begun) / 1000;
    }),
  );
}

/** Bytes that a process has in memory, of files too. */
function memoryOf({ pid, name }: Part): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  assert.ok(kibibytes !== undefined, name);
  return Number(kibibytes) * 1024;
}

/** Has a server collect the garbage of its main thread, which holds the concepts, when it is told to. */
const collecting = `--expose-gc --import=data:text/javascript,${encodeURIComponent('process.on("SIGUSR2", () => { gc(); gc(); })')}`;

/** What each holds: V8 may leave as much again uncollected, for as long as a server has nothing to do. */
const heldBy = (parts: readonly Part[]) =>
  Promise.all(
    parts.map((part) => {
      process.kill(part.pid as number, 'SIGUSR2');
      return leastAtRest(() => memoryOf(part));
    }),
  );

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

type Lookup = (url: string, index: number) => Promise<unknown>;

const answerBy: Lookup = async (url, index) =>
  json(await call(url, '/v1/completions', ask(nameOf(index), 1)));

const lookups: readonly { readonly what: string; readonly lookup: Lookup }[] = [
  {
    what: 'an answer by one in memory',
    lookup: (url) => answerBy(url, 0),
  },
  {
    what: 'an answer by one not read before',
    lookup: answerBy,
  },
  {
    what: 'a record',
    lookup: async (url, index) => json(await call(url, `/v1/concepts/${nameOf(index)}`)),
  },
];

/** Milliseconds, medians: on a server with few, and on one with many, asked in turns. */
async function inTurns(small: string, large: string, lookup: Lookup): Promise<[number, number]> {
  const taken: [number[], number[]] = [[], []];
  for (let index = 1; index < few; index++)
    for (const side of index % 2 === 0 ? [0, 1] : [1, 0]) {
      const begun = performance.now();
      await lookup(side === 0 ? small : large, index);
      taken[side === 0 ? 0 : 1].push(performance.now() - begun);
    }
  return [median(taken[0]), median(taken[1])];
}

/** Asks for `count` answers, by as many concepts as there are among `names`. */
async function use(url: string, names: number, count: number, from = 0): Promise<void> {
  let next = from;
  const client = async () => {
    while (next < from + count) json(await call(url, '/v1/completions', ask(nameOf(next++ % names), 1)));
  };
  await Promise.all([client(), client()]);
}

/**
 * @param uses answers that each server gives, by as many concepts where it has so many
 * @param say hears each figure as it comes
 * @throws when a bound is broken
 */
export async function manyConcepts(
  modelsDirectory: string,
  count: number,
  say: (line: string) => void,
  uses = 1500,
): Promise<void> {
  // What is kept of prompts has a bound of its own, far above that of the concepts here.
  const unkept = { STEERD_CONCEPT_DISK: '0', STEERD_PREFIX_MEMORY: '0' };
  const settings = { STEERD_CONCEPT_MEMORY: `${conceptMemory}`, ...unkept, NODE_OPTIONS: collecting };
  const options = { modelsDirectory, model: tinyChatModel, settings };
  const small = await Fleet.start({ ...options, replicas: 1 });
  let large: Fleet | undefined;
  const broken: string[] = [];
  /** What is broken ends nothing: the figures after it may say why. */
  const told = (line: string, holds: boolean) => {
    say(line);
    if (!holds) broken.push(line);
  };
  const shown = (values: readonly number[], digits = 1) =>
    values.map((one) => one.toFixed(digits)).join(', ');
  const mebibytes = (values: readonly number[]) =>
    shown(
      values.map((one) => one / mebibyte),
      0,
    );
  try {
    large = await Fleet.start({ ...options, replicas: 3 });
    // Nobody works on jobs here.
    for (const { worker } of [small, large]) await worker.stop();
    for (const fleet of [small, large]) await fill(fleet, 0, few);

    const before = await startTimes(large);
    await fill(large, few, count);
    const starts = await startTimes(large);
    const most = Math.max(...before);
    told(
      `three at once ready after ${shown(starts)} s with ${count} concepts, after ${shown(before)} s with ${few}`,
      // A machine with other work starts nothing in 10 s; what concepts add to it is still little.
      Math.max(...starts) <= Math.max(10, most + Math.min(3, most)),
    );
    const names = await Promise.all(large.urls.map(known));
    told(`names that each knows: ${names.join(', ')}`, Math.min(...names) >= count);

    const [first = '', one = ''] = [large.urls[0], small.urls[0]];
    for (const url of [first, one]) await answerBy(url, 0);
    for (const { what, lookup } of lookups) {
      const [among, amongMany] = await inTurns(one, first, lookup);
      told(
        `${what}: ${shown([among], 2)} ms among ${few}, ${shown([amongMany], 2)} ms among ${count}`,
        // A look-up that grew with the names would take a hundred times as long.
        amongMany <= 2 * among,
      );
    }

    for (const url of [...large.urls, one]) await use(url, url === one ? few : count, uses);
    const [little = 0] = await heldBy(small.replicas);
    const memory = await heldBy(large.replicas);
    for (const url of large.urls) await use(url, count, 2 * uses, uses);
    const later = await heldBy(large.replicas);
    told(
      `held in memory after ${uses} answers by as many concepts: ${mebibytes(memory)} MiB, after ${3 * uses} by as many: ${mebibytes(later)} MiB; after ${uses} by ${few} concepts ${mebibytes([little])} MiB`,
      // Three times as many would be 180 MiB more if they were held.
      later.every((one, i) => one - (memory[i] ?? 0) <= (2 * conceptMemory + 24) * mebibyte),
    );
    assert.deepEqual(broken, []);
  } finally {
    await large?.stop();
    await small.stop();
  }
}
