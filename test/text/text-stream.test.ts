import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FinishReason, SequenceStep } from '../../src/engine/protocol.js';
import { SteerdError } from '../../src/errors.js';
import { IncrementalDetokenizer } from '../../src/text/detokenizer.js';
import { loadTokenizer } from '../../src/text/load-tokenizer.js';
import { streamText, type TextDelta } from '../../src/text/text-stream.js';
import type { Tokenizer } from '../../src/text/tokenizer.js';
import { modelDirectory } from './golden.js';
import { llama, tinyTokenizer } from './tiny-tokenizers.js';

/** An engine that gives these tokens, and tells how far it was read and whether it was left. */
class Script implements AsyncIterable<SequenceStep> {
  taken = 0;
  left = false;
  constructor(readonly steps: readonly SequenceStep[]) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<SequenceStep> {
    try {
      for (const step of this.steps) {
        this.taken++;
        yield step;
      }
    } finally {
      this.left = true;
    }
  }
}

/** "stop" ends with a stop token, which is no part of the answer; "length" with the last token. */
function script(tokens: readonly number[], finish: FinishReason): Script {
  const steps: SequenceStep[] = tokens.map((token, index) => ({
    token,
    finish: finish === 'length' && index === tokens.length - 1 ? 'length' : null,
  }));
  return new Script(finish === 'stop' ? [...steps, { token: null, finish: 'stop' }] : steps);
}

async function collect(deltas: AsyncIterable<TextDelta>): Promise<TextDelta[]> {
  const all: TextDelta[] = [];
  for await (const delta of deltas) all.push(delta);
  return all;
}

const textOf = (deltas: readonly TextDelta[]) => deltas.map((delta) => delta.text).join('');
const encode = (tokenizer: Tokenizer, text: string) => tokenizer.encode(text, { addSpecialTokens: false });

test('what was monitored comes once for every token, with its part of the text', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const tokens = encode(tokenizer, 'Two 🦜🦜 for 日本, said the woman. STOP it');
  for (const stops of [[], ['STOP'], ['woman. STOP'], ['S', 'never there']]) {
    const plain = script(tokens, 'length');
    const steps = plain.steps.map((step, i) => ({ ...step, projections: Float32Array.of(i) }));
    const watched = new Script(steps);
    const deltas = await collect(streamText(watched, tokenizer, stops));
    const seen = deltas.flatMap((delta) => delta.detailed ?? []);
    assert.deepEqual(
      seen.map(({ id, projections }) => [id, projections?.[0]]),
      tokens.slice(0, watched.taken).map((token, i) => [token, i]),
    );
    for (const delta of deltas) assert.deepEqual(delta.detailed?.map(({ id }) => id) ?? [], delta.tokens);
    assert.equal(seen.map(({ text }) => text).join(''), tokenizer.decode(tokens.slice(0, watched.taken)));
    const withoutMonitor = await collect(streamText(plain, tokenizer, stops));
    assert.ok(withoutMonitor.every((delta) => !('detailed' in delta)));
    assert.deepEqual(
      deltas.map(({ text, finish }) => ({ text, finish })),
      withoutMonitor.map(({ text, finish }) => ({ text, finish })),
    );
  }
  // Half a character at the end is the last token's.
  const parrot = encode(tokenizer, '🦜').slice(0, 1);
  const half = new Script([{ token: parrot[0] ?? 0, finish: 'length', projections: Float32Array.of(1) }]);
  const [last] = await collect(streamText(half, tokenizer, []));
  assert.deepEqual([last?.text, last?.detailed?.[0]?.text], ['\ufffd', '\ufffd']);
});

test('deltas add up to the text and the tokens; only the last carries the finish', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const tokens = encode(tokenizer, 'Two 🦜🦜 for 日本, said the woman');
  for (const finish of ['stop', 'length'] as const) {
    const steps = script(tokens, finish);
    const deltas = await collect(streamText(steps, tokenizer, ['never there']));
    assert.equal(textOf(deltas), tokenizer.decode(tokens));
    assert.deepEqual(
      deltas.flatMap((delta) => delta.tokens),
      tokens,
    );
    assert.deepEqual(
      deltas.map((delta) => delta.finish),
      [...deltas.slice(1).map(() => null), finish],
    );
    assert.ok(deltas.slice(0, -1).every((delta) => delta.text !== ''));
    assert.ok(deltas.length > 5, 'text streams');
    assert.ok(steps.left);
  }
});

test('a stop string cuts the text and leaves the engine before the last delta is out', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const tokens = encode(tokenizer, 'one two three four five six');
  const steps = script(tokens, 'length');
  const deltas: TextDelta[] = [];
  for await (const delta of streamText(steps, tokenizer, ['ree fo'])) {
    deltas.push(delta);
    assert.equal(steps.left, delta.finish !== null);
  }
  assert.equal(textOf(deltas), 'one two th');
  assert.equal(deltas.at(-1)?.finish, 'stop');
  assert.equal(steps.taken, 4, 'no step after the one that completes the stop string');
  assert.deepEqual(
    deltas.flatMap((delta) => delta.tokens),
    tokens.slice(0, 4),
  );
});

test('text that could begin a stop string is held back and comes at the end', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const tokens = encode(tokenizer, 'one two three');
  const deltas = await collect(streamText(script(tokens, 'length'), tokenizer, [' two three four']));
  assert.equal(textOf(deltas), 'one two three');
  assert.deepEqual(deltas.at(-1), { text: ' two three', tokens: tokens.slice(1), finish: 'length' });
});

test('half a character at the end is given out, and may complete a stop string', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const tokens = encode(tokenizer, 'ok 🦜').slice(0, -1);
  const whole = await collect(streamText(script(tokens, 'length'), tokenizer, []));
  assert.equal(textOf(whole), tokenizer.decode(tokens));
  assert.equal(whole.at(-1)?.finish, 'length');
  const cut = await collect(streamText(script(tokens, 'length'), tokenizer, [' \uFFFD']));
  assert.equal(textOf(cut), 'ok');
  assert.equal(cut.at(-1)?.finish, 'stop');
});

test('an answer without text is one delta with its finish', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const deltas = await collect(streamText(script([], 'stop'), tokenizer, []));
  assert.deepEqual(deltas, [{ text: '', tokens: [], finish: 'stop' }]);
});

test('leaving the deltas early leaves the engine', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const steps = script(encode(tokenizer, 'one two three four'), 'length');
  for await (const _ of streamText(steps, tokenizer, [])) break;
  assert.ok(steps.left);
  assert.equal(steps.taken, 1);
});

test("the engine's errors pass through, and what came before them came out", async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  async function* failing(): AsyncGenerator<SequenceStep> {
    for (const token of encode(tokenizer, 'one')) yield { token, finish: null };
    throw new Error('engine gone');
  }
  let text = '';
  await assert.rejects(async () => {
    for await (const delta of streamText(failing(), tokenizer, [])) text += delta.text;
  }, /engine gone/);
  assert.equal(text, 'one');
});

test('an empty stop string is refused before the engine is asked for anything', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const steps = script(encode(tokenizer, 'one'), 'length');
  assert.throws(() => streamText(steps, tokenizer, ['']), SteerdError);
  assert.equal(steps.taken, 0);
});

test('a detokenizer with a context continues the prompt', async (t) => {
  const tokenizer = await tinyTokenizer(t, llama);
  const tokens = encode(tokenizer, 'ab');
  const continued = new IncrementalDetokenizer(tokenizer, tokenizer.encode('a'));
  assert.equal(textOf(await collect(streamText(script(tokens, 'length'), tokenizer, [], continued))), ' ab');
  assert.equal(textOf(await collect(streamText(script(tokens, 'length'), tokenizer, []))), 'ab');
});
