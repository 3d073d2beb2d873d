/** A fleet of processes, briefly: what `npm run fleet` does for longer. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { tinyChatModel, tinyModels } from '../commands/tiny-chat-model.js';
import { noNginx } from '../helpers/nginx.js';
import { noPostgres } from '../helpers/postgres.js';
import { apiCore, fitEverywhere } from './core.js';
import { Fleet } from './fleet.js';
import { killRound, knownConcept } from './kills.js';
import { rollingRestart } from './rolling.js';

describe('a fleet', { skip: noPostgres || (noNginx ?? false), timeout: 300_000 }, () => {
  let fleet: Fleet;
  const ends: (() => unknown)[] = [];
  before(async () => {
    const modelsDirectory = await tinyModels({ after: (end: () => unknown) => void ends.push(end) });
    fleet = await Fleet.start({ modelsDirectory, model: tinyChatModel, replicas: 2 });
  });
  after(async () => {
    await fleet?.stop();
    for (const end of ends) await end();
  });

  test('the API through nginx, and a fitted concept from every server', async () => {
    await apiCore(fleet, 'core');
    const times = await fitEverywhere(fleet, 'everywhere');
    // A second is promised; a machine that does other tests beside it gets three.
    assert.ok(Math.max(...times) < 3000, `${times}`);
  });

  test('a worker killed in a fit, a restart of every server: nothing is lost and no request fails', async () => {
    const known = [await knownConcept(fleet, 'steady', 3)];
    await killRound(fleet, 'worker', 1, known);
    const { requests, failed, codes } = await rollingRestart(fleet, 4);
    assert.ok(requests > 0);
    assert.deepEqual([failed, codes], [0, [0, 0]]);
  });
});
