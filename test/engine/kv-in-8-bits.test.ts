/**
 * Keys and values in 8 bits: answers stay near those of the export, and depend no more than they do on the batch, on cuts
 * or on what is reused; captures are the export's to the bit.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { readFootprint } from '../../src/engine/load/footprint.js';
import { compareConversations } from '../helpers/conversations.js';
import { request, score, startEngine, steps } from '../helpers/engine.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel, tinySize } from '../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
const [long, short] = tiny.prompts;
const settings = { slots: 4, prefillChunk: 16, capacity: 128, queue: 64 };
const { layers, kvHeads, headSize, vocabulary } = tinySize;
const pageBytes = 2 * layers * kvHeads * headSize * 32;

describe('keys and values in 8 bits', async () => {
  const exact = await startEngine(tiny.directory, settings);
  const int8 = await startEngine(tiny.directory, { ...settings, kvCache: 'int8' });
  const kept = await startEngine(tiny.directory, {
    ...settings,
    kvCache: 'int8',
    prefixBytes: 64 * pageBytes,
  });
  after(() => Promise.all([exact.close(), int8.close(), kept.close()]));

  test('the log says so, and a cache that cannot be is no error', async () => {
    assert.match(int8.warnings.join('\n'), /kept in 8 bits/);
    const other = await startEngine(join(packageRoot, 'test/fixtures/qwen2-genai-fp16'), {
      ...settings,
      kvCache: 'int8',
    });
    try {
      assert.match(other.warnings.join('\n'), /8 bits/);
      assert.equal((await steps(other, request([5, 6, 7], { maxTokens: 3 }))).length, 3);
    } finally {
      await other.close();
    }
  });

  test('log-probabilities move a little, steered or not', async () => {
    for (const edit of [[], asTerms(goldenEdit(tiny, 0))]) {
      const [theirs, ours] = [await score(exact, long, edit), await score(int8, long, edit)];
      assert.notDeepEqual(ours, theirs);
      theirs.forEach((value, i) => {
        assert.ok(Math.abs(value - (ours[i] ?? Number.NaN)) < 0.05, `${value} ${ours[i]}`);
      });
    }
  });

  test('a batch gives what each request gives alone', async () => {
    const asked = [long, short, long.slice(3), short.slice(2)].map((prompt, row) =>
      request(prompt, { maxTokens: 12, logprobs: 0, edit: asTerms(goldenEdit(tiny, row % 2)) }),
    );
    const alone: Awaited<ReturnType<typeof steps>>[] = [];
    for (const one of asked) alone.push(await steps(int8, one));
    assert.deepEqual(await Promise.all(asked.map((one) => steps(int8, one))), alone);
  });

  test('what is reused gives what is computed anew', async () => {
    const text = Array.from({ length: 60 }, (_, i) => 3 + ((7 * i + 5) % (vocabulary - 3)));
    const count = await compareConversations(kept, int8, {
      seed: 5,
      conversations: 40,
      beginnings: [text.slice(0, 40), text.slice(0, 52)],
      edits: [[], asTerms(goldenEdit(tiny, 0))],
      vocabulary,
      question: 20,
      answer: 6,
      capacity: 128,
    });
    assert.ok(count.cached > 0.2 * count.prompt, JSON.stringify(count));
  });

  test('captures are those of the export', async () => {
    const asked = { tokens: long, positions: [3, long.length - 1], span: [2, 5] } as const;
    assert.deepEqual(await int8.capture(asked), await exact.capture(asked));
  });

  test('they count a quarter of the memory, and as exported on a device', async () => {
    const kvOf = async (its: object) =>
      (await readFootprint(tiny.directory, { slots: 4, context: 128, memory: null, ...its })).kv;
    const whole = await kvOf({});
    assert.equal(await kvOf({ kvCache: 'int8' }), whole / 4);
    assert.equal(await kvOf({ kvCache: 'int8', device: 'cuda' }), whole);
  });
});
