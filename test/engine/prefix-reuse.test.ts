/** Beginnings of prompts that were computed before: an answer is the same with and without them. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { ActivationEdit, SequenceRequest } from '../../src/engine/protocol.js';
import { compareConversations } from '../helpers/conversations.js';
import { request, startEngine, steps } from '../helpers/engine.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel, tinySize } from '../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
const { layers, kvHeads, headSize, vocabulary } = tinySize;
/** Of 32 tokens. */
const pageBytes = 2 * layers * kvHeads * headSize * 32 * 4;
// The heads are so narrow that attention computes 32 rows at once, and with chunks of 16 tokens none is left over.
const settings = { slots: 4, prefillChunk: 16, queue: 64 };

const concept = (row: number): ActivationEdit => asTerms(goldenEdit(tiny, row));
const text = (length: number, seed = 1) =>
  Array.from({ length }, (_, i) => 3 + ((7 * i + 13 * seed) % (vocabulary - 3)));

describe('prefix reuse', async () => {
  const fresh = await startEngine(tiny.directory, settings);
  const kept = await startEngine(tiny.directory, { ...settings, prefixBytes: 64 * pageBytes });
  after(() => Promise.all([fresh.close(), kept.close()]));

  /** Its answer, which must be that of a fresh engine; how many tokens of its prompt were known. */
  async function cachedOf(asked: SequenceRequest): Promise<number> {
    let cached = -1;
    const made = [];
    for await (const { timing, ...step } of kept.generate(asked)) {
      if (timing) cached = timing.cached;
      made.push(step);
    }
    assert.deepEqual(made, await steps(fresh, asked));
    return cached;
  }

  test('the second turn computes what the first one did not read', async () => {
    const first = request(text(60, 2), { logprobs: 1 });
    assert.equal(await cachedOf(first), 0);
    // Decoding's keys and values are not those of a prompt to the bit: the answer is read once more.
    const second = request([...text(60, 2), ...text(40, 3)], { logprobs: 1 });
    assert.equal(await cachedOf(second), 60);
    assert.equal(await cachedOf(request([...second.prompt, 5, 6, 7], { logprobs: 1 })), 100);
  });

  test('the same prompt again is not computed at all, unless its projections or log-probabilities are wanted', async () => {
    const asked = request(text(50, 4), { sampling: { ...request([]).sampling, temperature: 1, seed: 3 } });
    assert.equal(await cachedOf(asked), 0);
    assert.equal(await cachedOf(asked), 50);
    const [term] = concept(0);
    assert.equal(await cachedOf({ ...asked, monitor: term ? [term.vectors] : [] }), 48);
    assert.equal(await cachedOf({ ...asked, logprobs: 1, promptLogprobs: true }), 0);
  });

  test('choices that are asked for at once read their prompt once', async () => {
    const prompt = text(70, 5);
    const cached = await Promise.all([0, 1, 2, 3].map(() => cachedOf(request(prompt))));
    assert.deepEqual(
      cached.sort((a, b) => a - b),
      [0, 70, 70, 70],
    );
  });

  test('another steering finds nothing, and steering behind the prompt finds all of it', async () => {
    const prompt = text(64, 6);
    const behind = (edit: ActivationEdit) => edit.map((term) => ({ ...term, from: prompt.length - 1 }));
    assert.equal(await cachedOf(request(prompt, { edit: concept(0) })), 0);
    assert.equal(await cachedOf(request(prompt, { edit: concept(1) })), 0);
    assert.equal(await cachedOf(request(prompt)), 0);
    assert.equal(await cachedOf(request(prompt, { edit: behind(concept(0)) })), 62);
    assert.equal(await cachedOf(request(prompt, { edit: behind(concept(1)) })), 62);
    assert.equal(await cachedOf(request(prompt, { edit: concept(0) })), 62);
  });

  test('windows that end with the prompt, as an ablation has them, move with it and find what acts alike', async () => {
    const [inPrompt, inAnswer] = [concept(0), concept(1)];
    const ablating = (prompt: readonly number[]) => {
      const { length } = prompt;
      const edit = [
        ...inPrompt.map((term) => ({ ...term, to: length })),
        ...inAnswer.map((term) => ({ ...term, from: length })),
      ];
      return request(prompt, { edit, logprobs: 1 });
    };
    const first = text(60, 16);
    assert.equal(await cachedOf(ablating(first)), 0);
    // Up to where the first prompt ended both act alike; what followed it was the answer's, and is the prompt's now.
    assert.equal(await cachedOf(ablating([...first, ...text(40, 17)])), 60);
    assert.equal(await cachedOf(ablating([...first, ...text(40, 17), 5, 6, 7])), 100);
    // A window that stays behind acts elsewhere from there on.
    const stays = inPrompt.map((term) => ({ ...term, to: 40 }));
    assert.ok((await cachedOf(request([...first, 5, 6, 7], { edit: stays, logprobs: 1 }))) <= 40);
  });

  test('a concept that changed under its name is not found', async () => {
    const prompt = text(48, 7);
    const edit = concept(0);
    assert.equal(await cachedOf(request(prompt, { edit })), 0);
    for (const { vectors } of edit) vectors.reverse();
    assert.equal(await cachedOf(request(prompt, { edit })), 0);
  });

  test('what one key computed is not found by another', async () => {
    const prompt = text(48, 8);
    assert.equal(await cachedOf(request(prompt, { space: 'key-1' })), 0);
    assert.equal(await cachedOf(request(prompt, { space: 'key-2' })), 0);
    assert.equal(await cachedOf(request(prompt)), 0);
    assert.equal(await cachedOf(request(prompt, { space: 'key-1' })), 46);
  });

  test('where spaces are shared it is', async (t) => {
    const shared = { ...settings, prefixBytes: 8 * pageBytes, sharePrefixes: true };
    const engine = await startEngine(tiny.directory, shared);
    t.after(() => engine.close());
    const cached = [];
    for (const space of ['key-1', 'key-2'])
      for await (const { timing } of engine.generate(request(text(48), { space })))
        if (timing) cached.push(timing.cached);
    assert.deepEqual(cached, [0, 48]);
  });

  test('a prompt that was left while it was read is found as far as it was read', async () => {
    const prompt = text(200, 9);
    const leaving = new AbortController();
    const left = steps(kept, request(prompt), leaving.signal).catch(() => null);
    setTimeout(() => leaving.abort(new Error('left')), 1);
    await left;
    const cached = await cachedOf(request(prompt));
    assert.ok(cached >= 0 && cached <= 200, `${cached}`);
  });

  test('prompts of one and two tokens, and one that is the beginning of another', async () => {
    assert.equal(await cachedOf(request([9])), 0);
    assert.equal(await cachedOf(request([9, 10])), 0);
    assert.equal(await cachedOf(request([9, 10, 11])), 1);
    assert.equal(await cachedOf(request([9])), 0);
  });
});

test('200 random conversations get the tokens of a fresh engine, whatever is evicted', async (t) => {
  const fresh = await startEngine(tiny.directory, settings);
  const kept = await startEngine(tiny.directory, { ...settings, prefixBytes: 40 * pageBytes });
  t.after(() => Promise.all([fresh.close(), kept.close()]));
  const behind = (edit: ActivationEdit, from: number) => edit.map((term) => ({ ...term, from }));
  const count = await compareConversations(kept, fresh, {
    seed: 11,
    conversations: 200,
    beginnings: [text(40, 1), text(70, 2), [...text(20, 1), ...text(30, 3)], text(1, 4)],
    edits: [[], [], concept(0), concept(1), behind(concept(0), 30), behind(concept(1), 55)],
    vocabulary,
    question: 40,
    answer: 12,
    capacity: 256,
  });
  assert.ok(count.answers > 300 && count.cancelled > 40, JSON.stringify(count));
  assert.ok(count.cached > 0.15 * count.prompt, JSON.stringify(count));
});
