/** What a process tells the fleet of itself, over a database that records it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Queries } from '../../src/database/database.js';
import { joinFleet } from '../../src/server/fleet.js';

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
