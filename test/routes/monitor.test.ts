/** Monitored completions: nothing lost, nothing doubled, each choice its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion, ChatCompletionChunk } from '../../src/schemas/chat.js';
import { Completion, CompletionChunk } from '../../src/schemas/completions.js';
import { build } from '../helpers/app.js';
import { fakeProjection } from '../helpers/fake-engine.js';
import { events } from '../helpers/sse.js';

const chat = '/v1/chat/completions';
const text = '/v1/completions';
const messages = [{ role: 'user', content: 'Hi' }];

/** What the fake concepts (vectors at layers 1 and 2, residual norm 10) read at a token. */
const value = (token: number, m = 0) => {
  const sum = fakeProjection(token, m, 1) + fakeProjection(token, m, 2);
  return Number((sum / 20).toPrecision(7));
};
const codes = (answer: string) => [...answer].map((character) => character.codePointAt(0) ?? 0);
const mean = (values: readonly number[]) =>
  Number((values.reduce((sum, x) => sum + x, 0) / values.length).toPrecision(7));

test('a reply has the readings of every token in its choice, and what they are at its end', async (t) => {
  const { post, engine } = await build(t, { answer: () => 'abc' });
  const body = { messages, steering: null, monitor: ['ocean', { concept: 'pirate', detail: 'layers' }] };
  const reply = await post(chat, body, ChatCompletion.strict());
  const version = 'c'.repeat(64);
  assert.deepEqual(reply.monitor, [
    { concept: 'ocean', version, scale: 'norm', layers: [1, 2] },
    { concept: 'pirate', version, scale: 'norm', layers: [1, 2] },
  ]);
  assert.equal(reply.steering, undefined);
  const ocean = codes('abc').map((token) => value(token));
  const pirate = codes('abc').map((token) => value(token, 1));
  assert.deepEqual(reply.choices[0]?.monitor, {
    tokens: [...'abc'].map((character) => ({ id: character.charCodeAt(0), text: character })),
    concepts: [
      { concept: 'ocean', values: ocean, mean: mean(ocean) },
      {
        concept: 'pirate',
        values: pirate,
        mean: mean(pirate),
        layer_values: codes('abc').map((token) => [1, 2].map((layer) => fakeProjection(token, 1, layer))),
      },
    ],
  });
  assert.deepEqual([engine.requests[0]?.edit, engine.requests[0]?.monitor?.length], [[], 2]);
});

test('who monitors nothing gets and costs nothing', async (t) => {
  const { post, engine } = await build(t);
  for (const monitor of [undefined, null, []]) {
    const reply = await post(text, { prompt: 'x', concept: 'ocean', monitor }, Completion.strict());
    assert.deepEqual([reply.monitor, reply.choices[0]?.monitor], [undefined, undefined]);
  }
  assert.ok(engine.requests.every((request) => !('monitor' in request)));
});

test('an answer without tokens has no mean', async (t) => {
  const { post } = await build(t, { answer: () => '' });
  const { choices } = await post(text, { prompt: 'x', monitor: ['ocean'] }, Completion.strict());
  assert.deepEqual(choices[0]?.monitor, {
    tokens: [],
    concepts: [{ concept: 'ocean', values: [], mean: null }],
  });
});

for (const [what, answer, stop, given] of [
  ['plain', 'abcdef', undefined, 'abcdef'],
  ['with text held back for a stop string that does not come', 'abSTabSTab', 'STOP', 'abSTabSTab'],
  ['cut by a stop string', 'abcSTOPxyz', 'STOP', 'abc'],
  ['begun with a stop string', 'STOP', 'STOP', ''],
] as const)
  test(`streams carry every token's reading once, ${what}`, async (t) => {
    const { app, post } = await build(t, { answer: () => answer });
    const seen = stop === undefined ? answer : answer.slice(0, (answer.indexOf(stop) + 1 || 99) + 3);
    const expected = codes(seen).map((token) => value(token));
    for (const [url, prompt, Chunk] of [
      [chat, { messages }, ChatCompletionChunk],
      [text, { prompt: ['x', 'y'] }, CompletionChunk],
    ] as const) {
      const body = { ...prompt, n: 2, stop, monitor: ['ocean'] };
      const payload = { ...body, stream: true };
      const received = events((await app.inject({ method: 'POST', url, payload })).body);
      assert.equal(received.pop(), '[DONE]');
      const chunks = received.map((chunk) => Chunk.strict().parse(chunk));
      assert.equal(chunks[0]?.monitor?.length, 1);
      assert.ok(chunks.slice(1).every(({ monitor }) => monitor === undefined));
      const whole = await post(url, body, url === chat ? ChatCompletion : Completion);
      for (const { index, monitor } of whole.choices) {
        const own = chunks.flatMap((chunk) => [...chunk.choices]).filter((choice) => choice.index === index);
        const readings = own.flatMap((choice) => (choice.monitor === undefined ? [] : [choice.monitor]));
        assert.deepEqual(
          readings.flatMap(({ concepts }) => concepts[0]?.values ?? []),
          expected,
        );
        assert.deepEqual(
          readings.flatMap(({ tokens }) => tokens),
          monitor?.tokens,
        );
        assert.equal(readings.flatMap(({ tokens }) => tokens.map((token) => token.text)).join(''), seen);
        const means = own.map((choice) => choice.monitor?.concepts[0]?.mean);
        assert.equal(means.pop(), monitor?.concepts[0]?.mean);
        assert.ok(means.every((early) => early === undefined));
        assert.equal(monitor?.concepts[0]?.mean, mean(expected));
        const texts = own.map((choice) => ('text' in choice ? choice.text : (choice.delta.content ?? '')));
        assert.equal(texts.join(''), given);
      }
    }
  });

test('each choice has its own readings', async (t) => {
  const answer = (_: string, { sampling }: { sampling: { seed: number } }) => 'abc'[sampling.seed] ?? '';
  const { post } = await build(t, { answer });
  const { choices } = await post(text, { prompt: 'x', n: 3, seed: 0, monitor: ['ocean'] }, Completion);
  assert.deepEqual(
    choices.map(({ monitor }) => monitor?.concepts[0]?.values),
    codes('abc').map((token) => [value(token)]),
  );
});

test('a concept may steer and be monitored', async (t) => {
  const { post, engine } = await build(t);
  const reply = await post(chat, { messages, concept: 'ocean', monitor: ['ocean'] }, ChatCompletion);
  assert.deepEqual([reply.steering?.[0]?.concept, reply.monitor?.[0]?.concept], ['ocean', 'ocean']);
  const [request] = engine.requests;
  assert.equal(request?.edit[0]?.vectors, request?.monitor?.[0], 'one direction, read where it is applied');
});

test('what cannot be monitored is refused by name', async (t) => {
  const { refused } = await build(t, { capacity: 600_000 });
  for (const [body, param, message] of [
    [{ monitor: ['ocean', 'oceon'] }, 'monitor.1', /"oceon" does not exist.*ocean, pirate/],
    [{ monitor: 'ocean' }, 'monitor', /must be a list of concepts; received "ocean"/],
    [{ monitor: [{ concept: 'ocean', layers: [0] }] }, 'monitor.0.layers', /has none at this one/],
    [{ monitors: ['ocean'] }, 'monitors', /did you mean "monitor"/],
    [
      { monitor: Array(8).fill({ concept: 'ocean', detail: 'layers' }), max_tokens: 200_000 },
      'monitor',
      /at most 2000000 values in all; 3200000 could come/,
    ],
  ] as const) {
    for (const [url, prompt] of [
      [chat, { messages }],
      [text, { prompt: 'x' }],
    ] as const) {
      const error = await refused(url, { ...prompt, ...body });
      assert.equal(error.param, param);
      assert.match(error.message, message);
    }
  }
});
