/**
 * Thousands of concepts on whole servers: how long three take to start with empty caches, what a look-up costs beside one on a server that
 * has a hundred, asked in turns, and what memory they take when they have used many of them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import { partsOfConcept } from '../../src/concepts/concept-file.js';
import * as rows from '../../src/concepts/database-rows.js';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { openSharedConcepts } from '../../src/server/open-shared.js';
import { tinyChatModel } from '../commands/tiny-chat-model.js';
import { sampleFields } from '../concepts/sample.js';
import { ask, call, json, register } from './calls.js';
import { Fleet, type Part } from './fleet.js';

const mebibyte = 1024 ** 2;
/** STEERD_CONCEPT_MEMORY, in MiB: a fraction of what all concepts would take. On the disk nothing is kept, so that both sides read the database. */
const conceptMemory = 32;
/** Rows in each record, as long as what a measured calibration writes down: some 20 kB. */
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

/** Stores concepts as servers do, but many in a transaction. */
async function fill(fleet: Fleet, count: number): Promise<void> {
  const pattern = await patternOf(fleet);
  const { layers, hiddenSize, model, modelFingerprint } = pattern;
  const details = { answers: Array.from({ length: answers }, (_, i) => [i, i % 7, 'an answer']) };
  const conceptOf = (index: number) => {
    const options = { seed: index + 2, model, layers, hiddenSize, details };
    return createConcept({ ...sampleFields(nameOf(index), options), modelFingerprint });
  };
  await withDatabase(fleet.databaseUrl, async (database) => {
    for (let begin = 0; begin < count; begin += batch)
      await database.transaction(async (queries) => {
        let revision = 0;
        for (let index = begin; index < Math.min(count, begin + batch); index++) {
          revision = await rows.beginChange(queries);
          const { name, version, ...concept } = conceptOf(index);
          const parts = partsOfConcept({ name, version, ...concept });
          await rows.writeHead(queries, { model, name, version, parts, owner: null, revision });
        }
        await rows.announce(queries, revision);
      });
  });
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

/** MiB that a process has in memory, of files too. */
function memoryOf({ pid, name }: Part): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  assert.ok(kibibytes !== undefined, name);
  return Number(kibibytes) / 1024;
}

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
async function use(url: string, names: number, count: number): Promise<void> {
  let next = 0;
  const client = async () => {
    while (next < count) json(await call(url, '/v1/completions', ask(nameOf(next++ % names), 1)));
  };
  await Promise.all([client(), client()]);
}

/**
 * @param uses answers that each server gives, by as many concepts where it has so many
 * @returns lines of figures. @throws when a bound is broken
 */
export async function manyConcepts(modelsDirectory: string, count: number, uses = 3000): Promise<string[]> {
  const options = {
    modelsDirectory,
    model: tinyChatModel,
    settings: { STEERD_CONCEPT_MEMORY: `${conceptMemory}`, STEERD_CONCEPT_DISK: '0' },
  };
  const small = await Fleet.start({ ...options, replicas: 1 });
  let large: Fleet | undefined;
  try {
    large = await Fleet.start({ ...options, replicas: 3 });
    await fill(small, few);
    await fill(large, count);
    const told: string[] = [];
    const shown = (values: readonly number[], digits = 1) =>
      values.map((one) => one.toFixed(digits)).join(', ');

    const [alone, starts] = [await startTimes(small), await startTimes(large)];
    told.push(
      `ready after ${shown(starts)} s with ${count} concepts, three at once; ${shown(alone)} s with ${few}, one`,
    );
    assert.ok(Math.max(...starts) <= 10, told.at(-1));
    for (const url of large.urls) {
      const { data } = json(await call(url, '/v1/concepts')) as { data: object[] };
      assert.ok(data.length >= count, `${data.length} of ${count} names`);
    }

    const [first = '', one = ''] = [large.urls[0], small.urls[0]];
    for (const url of [first, one]) await answerBy(url, 0);
    for (const { what, lookup } of lookups) {
      const [among, amongMany] = await inTurns(one, first, lookup);
      told.push(`${what}: ${shown([among], 2)} ms among ${few}, ${shown([amongMany], 2)} ms among ${count}`);
      // On a machine with other work; a look-up that grew with the names would take a hundred times as long.
      assert.ok(amongMany <= 2 * among, told.at(-1));
    }

    for (const url of [...large.urls, one]) await use(url, url === one ? few : count, uses);
    const [little = 0] = small.replicas.map(memoryOf);
    const memory = large.replicas.map(memoryOf);
    told.push(
      `in memory after ${uses} answers: ${shown(memory, 0)} MiB by ${Math.min(uses, count)} concepts each, ${shown([little], 0)} MiB by ${few}`,
    );
    // Its bound, the names of all, and what V8 leaves uncollected.
    assert.ok(Math.max(...memory) - little <= conceptMemory + 96, told.at(-1));
    return told;
  } finally {
    await large?.stop();
    await small.stop();
  }
}
