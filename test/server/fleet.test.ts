/** What a process tells the fleet of itself, over a database that records it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Caller } from '../../src/access/access-control.js';
import type { Queries } from '../../src/database/database.js';
import { errors } from '../../src/errors.js';
import { type ModelRegistry, modelId } from '../../src/models/registry.js';
import { joinFleet, withFleet } from '../../src/server/fleet.js';
import { restrictServices } from '../../src/server/restricted-services.js';
import type { Services } from '../../src/server/services.js';

test('each beat looks for models anew, and a slow database is not asked again before it has answered', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const folder = ['first'];
  let found: string[] = [];
  const models = {
    ids: () => found,
    refresh: async () => {
      found = [...folder];
    },
  };
  const told: unknown[] = [];
  let open = () => {};
  let gate: Promise<void> = Promise.resolve();
  const queries: Queries = {
    async query(sql: string, values: readonly unknown[] = []) {
      if (!sql.startsWith('INSERT')) return [];
      told.push(values[2]);
      await gate;
      return [];
    },
  };
  const fleet = await joinFleet(queries, 'me', models, true);
  folder.push('pulled elsewhere');
  gate = new Promise((resolve) => {
    open = resolve;
  });
  for (let beats = 0; beats < 3; beats++) {
    t.mock.timers.tick(5_000);
    await turn();
  }
  assert.deepEqual(told, [['first'], ['first', 'pulled elsewhere']]);
  open();
  await fleet.leave();
});

test('models that cannot be looked for keep nobody from being seen, nor from leaving', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  let looked = 0;
  let refresh = async () => {};
  const models = {
    ids: () => ['mine'],
    refresh: () => {
      looked++;
      return refresh();
    },
  };
  const said: string[] = [];
  const queries: Queries = {
    async query(sql: string) {
      said.push(sql.slice(0, sql.indexOf(' ')));
      return [];
    },
  };
  const fleet = await joinFleet(queries, 'me', models, true);
  const seen = () => said.filter((word) => word === 'INSERT').length;
  refresh = () => Promise.reject(new Error('the folder is gone'));
  t.mock.timers.tick(5_000);
  await turn();
  assert.equal(seen(), 2);
  refresh = () => new Promise(() => {});
  for (let beats = 0; beats < 2; beats++) {
    t.mock.timers.tick(5_000);
    await turn();
    t.mock.timers.tick(2_000);
    await turn();
  }
  assert.deepEqual([seen(), looked], [4, 3], 'one that hangs is not begun again');
  t.mock.timers.tick(3_000);
  await turn();
  const left = fleet.leave();
  t.mock.timers.tick(5_000);
  await left;
  await turn();
  assert.deepEqual([seen(), said.at(-1)], [4, 'DELETE']);
});

test('a model that only others have is told so, but not to a key that may not use it', async () => {
  const none = async () => {
    throw errors.modelNotFound('theirs', ['mine']);
  };
  const own = { defaultId: 'mine', ids: () => ['mine'], refresh: async () => {}, get: none };
  const models = withFleet(own as unknown as ModelRegistry, { elsewhere: (name) => name === 'theirs' });
  await assert.rejects(models.get('theirs'), { code: 'model_elsewhere' });
  await assert.rejects(models.get('nobodys'), { code: 'model_not_found' });
  const of = (allowed: string[] | null) => {
    const caller = {
      key: { id: 'k', models: allowed, concepts: null, max_strength: null, scopes: [] },
      usage: {},
    };
    const services = { models, concepts: {}, fits: {}, pulls: {}, imports: {} };
    return restrictServices(services as unknown as Services, caller as unknown as Caller).models;
  };
  await assert.rejects(modelId(of(null), 'theirs'), { code: 'model_elsewhere' });
  await assert.rejects(modelId(of(['mine', 'theirs']), 'theirs'), { code: 'model_elsewhere' });
  await assert.rejects(modelId(of(['mine']), 'theirs'), { code: 'model_not_found' });
});
