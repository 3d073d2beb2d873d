/** The same law for the embedded model, whose rounding makes another answer of a last bit: 20 random conversations. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareConversations } from '../helpers/conversations.js';
import { embeddedDirectory, logprobs, spiderTerm } from '../helpers/embedded-model.js';
import { startEngine } from '../helpers/engine.js';

test('random conversations with the embedded model get the tokens of a fresh engine', async (t) => {
  const settings = { slots: 4, threads: 2, capacity: 512, queue: 64 };
  const fresh = await startEngine(embeddedDirectory, settings);
  // Some forty pages, so that most of what is read is thrown away again.
  const kept = await startEngine(embeddedDirectory, { ...settings, prefixBytes: 64 * 1024 ** 2 });
  t.after(() => Promise.all([fresh.close(), kept.close()]));
  const text = logprobs.ids;
  const count = await compareConversations(kept, fresh, {
    seed: 3,
    conversations: 20,
    beginnings: [text.slice(0, 60), text.slice(0, 75), [...text.slice(0, 33), ...text.slice(50, 80)]],
    edits: [[], [], [spiderTerm(2)], [spiderTerm(1, -1, 50)], [{ ...spiderTerm(2), from: 70 }]],
    vocabulary: 40_000,
    question: 60,
    answer: 8,
    capacity: 512,
  });
  assert.ok(count.answers > 30 && count.cached > 0.2 * count.prompt, JSON.stringify(count));
});
