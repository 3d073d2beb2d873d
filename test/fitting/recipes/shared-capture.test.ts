/** What captures keep between texts changes how long they take and nothing else. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WorkerEngine } from '../../../src/engine/client/worker-engine.js';
import { type Capture, type CaptureRequest, greedy } from '../../../src/engine/protocol.js';
import { tinyModel } from '../../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
const begin = () =>
  WorkerEngine.start({
    model: 'tiny',
    directory: tiny.directory,
    threads: 1,
    slots: 2,
    capacity: 0,
    prefillChunk: 4,
    queue: 4,
  });
let engine: WorkerEngine;
describe('what captures keep between texts', () => {
  before(async () => {
    engine = await begin();
  });
  after(() => engine.close());

  const beginning = [5, 17, 99, 3, 250, 41, 7];
  const text = (...rest: number[]) => [...beginning, ...rest];
  const request = (tokens: number[], change: Partial<CaptureRequest> = {}): CaptureRequest => ({
    tokens,
    positions: [tokens.length - 2, tokens.length - 1],
    span: [1, 4],
    shared: beginning.length,
    ...change,
  });

  function assertClose(actual: Capture, expected: Capture, tolerance: number): void {
    for (const part of ['hiddenStates', 'attentionToPrefix'] as const) {
      assert.equal(actual[part].length, expected[part].length);
      actual[part].forEach((value, i) => {
        assert.ok(Math.abs(value - (expected[part][i] as number)) <= tolerance, `${part}[${i}]`);
      });
    }
  }

  test('a text gives the same numbers after whatever other texts', async () => {
    const wanted = request(text(12, 13, 14, 15, 16));
    const first = await engine.capture(wanted);
    const others = [
      request(text(200, 201)),
      request([8, 8, 8, 8, 8, 8, 8, 8, 8]),
      request(text(12, 13, 14), { shared: 0 }),
      request(text(12, 13, 14), { shared: 3 }),
      request(Array.from({ length: 200 }, (_, i) => i + 1)), // A longer cache.
    ];
    for (const other of others) {
      await engine.capture(other);
      assertClose(await engine.capture(wanted), first, 0);
    }
    await engine.score({
      tokens: [9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
      from: 1,
      edit: [],
      priority: 'interactive',
    });
    assertClose(await engine.capture(wanted), first, 0);
    const controller = new AbortController();
    const cut = engine.capture(request([4, 4, ...beginning, 4, 4]), controller.signal);
    controller.abort();
    await assert.rejects(cut);
    assertClose(await engine.capture(wanted), first, 0);
  });

  test('a shared beginning gives what the whole text gives, and the goldens', async () => {
    const whole = await engine.capture(request(text(30, 31, 32), { shared: 0 }));
    assertClose(await engine.capture(request(text(30, 31, 32))), whole, 1e-5);
    const tokens = tiny.prompts[0];
    const golden = tiny.golden('attention_to_prefix.0');
    const positions = [-3, -2, -1].map((offset) => tokens.length + offset);
    for (const shared of [5, 5, 0]) {
      const { attentionToPrefix } = await engine.capture({ tokens, positions, span: [2, 5], shared });
      golden.forEach((value, i) => {
        assert.ok(Math.abs(value - (attentionToPrefix[i] as number)) < 1e-5, `${i}`);
      });
    }
  });

  test('nothing that is shared can be read', async () => {
    for (const shared of [-1, 1.5, 9]) {
      await assert.rejects(
        engine.capture(request(text(1, 2), { positions: [8], shared })),
        /shared must be between 0 and 8/,
      );
    }
  });

  test('streams go on beside captures, and captures end', async () => {
    const captures = Promise.all(
      Array.from({ length: 20 }, (_, i) => engine.capture(request(text(i, i + 1, i + 2)))),
    );
    let tokens = 0;
    const stream = engine.generate({
      prompt: [1, 2, 3],
      maxTokens: 40,
      stopTokens: [],
      minTokens: 0,
      sampling: greedy,
      edit: [],
      priority: 'interactive',
    });
    for await (const step of stream) if (step.token !== null) tokens++;
    assert.equal(tokens, 40);
    assert.equal((await captures).length, 20);
  });
});
