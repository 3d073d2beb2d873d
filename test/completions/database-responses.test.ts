/** Kept responses over a database that records what it is asked, and answers when and how a test wants. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DatabaseResponses, usualBounds } from '../../src/completions/database-responses.js';
import { conversationItems } from '../../src/completions/response-conversation.js';
import type { Database, Queries } from '../../src/database/database.js';
import { errors } from '../../src/errors.js';
import { stored } from './response-laws.js';

const isTrim = (sql: string) => sql.includes('place > $2');
const isSweep = (sql: string) => sql.includes('used_at < now()');

function recorded(
  responses: number,
  answer: (sql: string) => Promise<object[]> | object[] = () => [{ free: true }],
) {
  const asked: string[] = [];
  const told: string[] = [];
  const queries = {
    async query(sql: string) {
      asked.push(sql);
      return answer(sql);
    },
  } as unknown as Queries;
  const database = {
    ...queries,
    transaction: (run: (on: Queries) => Promise<unknown>) => run(queries),
  } as unknown as Database;
  const log = { warn: (_: object, message: string) => void told.push(message) };
  const all = new DatabaseResponses({ database, bounds: { ...usualBounds, responses }, log });
  return { all, own: all.of('me'), asked, told };
}

test('what is written after the answer gave up on it is deleted again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let end = () => {};
  const { own, asked } = recorded(10, (sql) =>
    sql.startsWith('INSERT')
      ? new Promise((resolve) => {
          end = () => resolve([]);
        })
      : [],
  );
  const kept = own.put(stored('a'));
  await turn();
  t.mock.timers.tick(5_000);
  assert.equal(await kept, false);
  await turn();
  assert.equal(asked.length, 1, 'there may be nothing to delete yet');
  end();
  await turn();
  assert.match(asked[1] ?? '', /^DELETE/);
  assert.equal(asked.length, 2);
});

test('an owner with many is looked through once for each fiftieth of them', async () => {
  const { all, own, asked } = recorded(1000);
  for (let at = 0; at < 41; at++) assert.equal(await own.put(stored(`${at}`)), true);
  assert.equal(asked.filter(isTrim).length, 3, 'the first, and every twentieth after it');
  await all.sweep();
  await own.put(stored('first after a sweep'));
  assert.equal(asked.filter(isTrim).length, 4);
});

test('swept each minute from the start, by one server at a time; what fails is told, an outage is not', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let answer: () => object[] = () => [{ free: true }];
  const { all, asked, told } = recorded(10, () => answer());
  const minute = async () => {
    t.mock.timers.tick(60_000);
    for (let at = 0; at < 3; at++) await turn();
    return asked.filter(isSweep).length;
  };
  assert.equal(await minute(), 0, 'a worker bounds nobody');
  all.keepBounds();
  assert.equal(await minute(), 1);
  answer = () => [{ free: false }];
  assert.equal(await minute(), 1, 'another server is at it');
  answer = () => {
    throw errors.databaseUnavailable();
  };
  await minute();
  assert.deepEqual(told, []);
  answer = () => {
    throw new Error('no such column');
  };
  await minute();
  assert.equal(told.length, 1);
  await all.close();
  const before = asked.length;
  await minute();
  assert.equal(asked.length, before);
});

test('what the previous response has is not asked for a second time', async () => {
  const asked: (readonly string[])[] = [];
  const responses = {
    get: () => stored('a'),
    items: (ids: readonly string[]) => {
      asked.push(ids);
      return new Map(ids.map((id) => [id, { type: 'message', role: 'user', content: id, id } as never]));
    },
  };
  const reference = (id: string) => ({ type: 'item_reference' as const, id });
  const input = [reference('msg_a')];
  assert.equal((await conversationItems({ input, previous_response_id: 'a' }, responses)).length, 2);
  assert.deepEqual(asked, []);
  const more = { input: [...input, reference('msg_b')], previous_response_id: 'a' };
  assert.equal((await conversationItems(more, responses)).length, 3);
  assert.deepEqual(asked, [['msg_b']]);
});
