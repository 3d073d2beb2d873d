/** A worker that has more to do than it can: background work advances beside streams and prompts, and waits for them. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WorkerEngine } from '../../../src/engine/client/worker-engine.js';
import { request, score, startEngine, steps, tokens } from '../../helpers/engine.js';
import { tinyModel } from '../../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
const text = (length: number, seed = 0) =>
  Array.from({ length }, (_, i) => (7 * i + 13 * seed) % tiny.ids('greedy.0').length);

let engine: WorkerEngine;
describe('more to do than a worker can', () => {
  before(async () => {
    engine = await startEngine(tiny.directory, { slots: 4, prefillChunk: 4 });
  });
  after(() => engine.close());

  /** Prompts one after another, two at a time, until told to stop: there is always one to prefill. */
  function arrivals(): { stop(): Promise<number> } {
    const stop = new AbortController();
    let done = 0;
    const client = async (seed: number) => {
      while (!stop.signal.aborted) {
        await steps(engine, request(text(200, seed), { maxTokens: 1 }));
        done++;
      }
    };
    const clients = Promise.all([1, 2, 3].map(client));
    return {
      async stop() {
        stop.abort();
        await clients;
        return done;
      },
    };
  }

  test('captures and background sequences end while prompts keep arriving, and the prompts too', async () => {
    const prompts = arrivals();
    const captured = await Promise.all(
      [4, 5, 6].map((seed) => engine.capture({ tokens: text(120, seed), positions: [119], span: [0, 2] })),
    );
    assert.equal(captured.length, 3);
    assert.equal((await tokens(engine, request(text(60), { priority: 'background' }))).length, 12);
    assert.equal((await score(engine, text(90))).length, 89);
    const before = performance.now();
    const done = await prompts.stop();
    assert.ok(done > 0, `${done} prompts until ${before}`);
  });

  test('an interactive score passes background scores and captures, and disturbs none', async () => {
    const background = [1, 2, 3, 4].map((seed) => text(200, seed));
    const expected = await Promise.all(background.map((one) => score(engine, one)));
    const mine = await score(engine, text(100, 9));
    const order: string[] = [];
    const noted = async <T>(name: string, work: Promise<T>): Promise<T> => {
      const result = await work;
      order.push(name);
      return result;
    };
    const waiting = background.map((one, index) =>
      noted(`${index}`, engine.score({ tokens: one, from: 1, edit: [], priority: 'background' })),
    );
    const capture = noted('capture', engine.capture({ tokens: text(200), positions: [199], span: [0, 1] }));
    assert.deepEqual(await noted('mine', score(engine, text(100, 9))), mine);
    assert.deepEqual(await Promise.all(waiting), expected);
    await capture;
    // The first may have begun before it came: it holds the cache row.
    assert.ok(order.indexOf('mine') <= 1, order.join(' '));
  });
});
