/** What reads of many texts cost a key: every text that is read, with the prompt before it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from '../../src/access/access-control.js';
import { KeyUsage } from '../../src/access/key-usage.js';
import { type Engine, withEngine } from '../../src/engine/engine.js';
import type { PairsRequest } from '../../src/engine/protocol.js';
import { restrictServices } from '../../src/server/restricted-services.js';
import type { Services } from '../../src/server/services.js';
import { FakeEngine, fakeModel } from '../helpers/fake-engine.js';

test('interactive reads of pairs are counted by their texts, background ones not at all', async () => {
  const engine = withEngine(new FakeEngine(), {
    scoreMany: async () => [],
    divergenceMany: async () => [],
  });
  const limits = { requests_per_minute: null, tokens_per_minute: 1000, concurrent_streams: null };
  const pairs: Omit<PairsRequest, 'priority'> = {
    prompts: [[1, 2, 3], [4]],
    answers: [
      [5, 6],
      [7, 8, 9, 10],
    ],
    pairs: [
      [0, 0],
      [0, 1],
      [1, 1],
    ],
  };
  const asks: [number, (engine: Engine, priority: 'interactive' | 'background') => Promise<unknown>][] = [
    [5 + 7 + 5, (one, priority) => one.scoreMany({ ...pairs, priority })],
    [2 * (5 + 7 + 5), (one, priority) => one.divergenceMany({ ...pairs, priority })],
  ];
  for (const [cost, ask] of asks)
    for (const priority of ['interactive', 'background'] as const) {
      const usage = new KeyUsage(limits);
      const services = { models: { get: async () => fakeModel(engine) }, concepts: {} };
      const caller = {
        key: { models: null, concepts: null, scopes: ['completions'] },
        usage,
      } as unknown as Caller;
      const { models } = restrictServices(services as unknown as Services, caller);
      await ask((await models.get('any')).engine, priority);
      const left = usage.headers()['x-ratelimit-remaining-tokens'];
      assert.equal(left, String(1000 - (priority === 'interactive' ? cost : 0)));
    }
});
