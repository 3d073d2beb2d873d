/** Vectors that a request brings itself: as good as a stored concept at scale raw, and nothing they could get around. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion } from '../../src/schemas/chat.js';
import { Completion } from '../../src/schemas/completions.js';
import { ResponseObject } from '../../src/schemas/responses.js';
import { Score } from '../../src/schemas/score.js';
import { buildWithKeys } from '../access/keys.js';
import { build } from '../helpers/app.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];
const base64 = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer).toString('base64');
/** Blocks 1 and 2 as the fake's concepts have them, one of them as long as a foreign vector may be. */
const vectors = { 1: base64(5, 0, 0, 0), 2: [1, 0, 0, 0] };
const steered = (item: object) => ({ messages, steering: { vectors, ...item } });

test('vectors of any length steer by their direction, as a concept with the same does at scale raw', async (t) => {
  const { post, engine } = await build(t);
  const named = { concept: 'pirate', strength: 2, scale: 'raw' };
  await post(chat, { messages, steering: named }, ChatCompletion);
  const reply = await post(chat, { ...steered({ strength: 2 }), receipt: 'full' }, ChatCompletion);
  const [stored, inline] = engine.requests.map(({ edit }) => edit[0]);
  assert.deepEqual(inline, stored);
  const [receipt] = reply.steering ?? [];
  assert.deepEqual(
    [receipt?.concept, receipt?.scale, receipt?.layers, receipt?.coefficients, receipt?.calibrated],
    [null, 'raw', [1, 2], [2, 2], false],
  );
  assert.match(receipt?.version ?? '', /^[0-9a-f]{64}$/);
  const again = await post(chat, steered({ strength: -1, name: 'mine', layers: [2] }), ChatCompletion);
  assert.deepEqual([again.steering?.[0]?.concept, again.steering?.[0]?.layers], ['mine', [2]]);
  assert.equal(again.steering?.[0]?.version, receipt?.version, 'the hash is of the numbers');
  const other = await post(
    chat,
    { messages, steering: { vectors: { 1: base64(0, 1, 0, 0) } } },
    ChatCompletion,
  );
  assert.notEqual(other.steering?.[0]?.version, receipt?.version);
});

test('scale norm takes the norms that come with them', async (t) => {
  const { post, engine, refused } = await build(t);
  await post(chat, steered({ strength: 0.5, scale: 'norm', residual_norms: [4, 10, 20] }), ChatCompletion);
  assert.deepEqual([...(engine.requests[0]?.edit[0]?.add ?? [])], [0, 5, 10]);
  const without = await refused(chat, steered({ strength: 0.5, scale: 'norm' }));
  assert.deepEqual([without.status, without.param], [400, 'steering.scale']);
});

test('beside concepts, among alternatives, on every endpoint, and for reading', async (t) => {
  const { post, engine } = await build(t);
  const item = { vectors, strength: 3 };
  const both = await post(
    '/v1/completions',
    { prompt: ['a', 'b'], steering: [{ concept: 'ocean' }, item] },
    Completion,
  );
  assert.deepEqual(
    both.steering?.map(({ concept }) => concept),
    ['ocean', null],
  );
  const compared = await post(
    chat,
    { messages, steering: { choices: [null, item, [item, { concept: 'ocean' }]] } },
    ChatCompletion,
  );
  assert.deepEqual(
    compared.choices.map(({ steering }) => steering?.length),
    [0, 1, 2],
  );
  const response = await post('/v1/responses', { input: 'Hi', steering: item }, ResponseObject);
  assert.equal(response.steering?.[0]?.concept, null);
  const read = await post(
    chat,
    { messages, monitor: ['ocean', { vectors, name: 'mine', scale: 'raw' }, { vectors }] },
    ChatCompletion,
  );
  assert.deepEqual(
    read.monitor?.map(({ concept, scale }) => [concept, scale]),
    [
      ['ocean', 'norm'],
      ['mine', 'raw'],
      [null, 'raw'],
    ],
  );
  assert.deepEqual(engine.requests.at(-1)?.monitor?.[1], engine.requests.at(-1)?.monitor?.[0]);
  await post('/v1/steering/score', { input: 'Hi', concepts: [{ vectors }] }, Score);
});

test('what is no direction of this model is refused by field, limit and value', async (t) => {
  const { refused } = await build(t);
  const rows: [object, string, RegExp][] = [
    [
      { vectors: { 1: base64(1, 2) } },
      'steering.vectors',
      /block 1 has 2 numbers, and the model's width is 4/,
    ],
    [{ vectors: { 3: [1, 0, 0, 0] } }, 'steering.vectors', /block 3, and the model's are 0 to 2/],
    [{ vectors: { '01': [1, 0, 0, 0] } }, 'steering.vectors', /block number; received "01"/],
    [{ vectors: { x: [1, 0, 0, 0] } }, 'steering.vectors', /block number; received "x"/],
    [
      { vectors: { 1: base64(1, Number.NaN, 0, 0) } },
      'steering.vectors',
      /number 1 of block 1's vector is NaN/,
    ],
    [{ vectors: { 1: base64(1, Number.POSITIVE_INFINITY, 0, 0) } }, 'steering.vectors', /Infinity/],
    [{ vectors: { 1: 'no base64!' } }, 'steering.vectors.1', /base64 of little-endian float32/],
    [{ vectors: { 1: 'AAAA' } }, 'steering.vectors.1', /base64 of little-endian float32/],
    [{ vectors: { 1: { a: 1 } } }, 'steering.vectors.1', /base64/],
    [{ vectors: { 1: [0, 0, 0, 0] } }, 'steering.vectors', /no vector that is not zero/],
    [{ vectors: {} }, 'steering.vectors', /1 to 4096 vectors/],
    [{ vectors: [1, 2] }, 'steering.vectors', /1 to 4096 vectors/],
    [{ vectors: 'x' }, 'steering.vectors', /1 to 4096 vectors/],
    [{ vectors: null }, 'steering.vectors', /1 to 4096 vectors/],
    [{ scale: 'calibrated' }, 'steering.scale', /have no calibration; received "calibrated"/],
    [{ strength: 2000 }, 'steering.strength', /-1000 to 1000/],
    [{ concept: 'ocean' }, 'steering.concept', /left out with vectors/],
    [{ layers: [0] }, 'steering.layers', /none at this one/],
    [{ layers: { top: 1 } }, 'steering.layers', /does not say/],
    [{ residual_norms: [1] }, 'steering.residual_norms', /3 numbers/],
    [{ residual_norms: [1, -1, 1] }, 'steering.residual_norms.1', /list of at most/],
    [{ strenght: 1 }, 'steering', /did you mean "strength"/],
  ];
  for (const [more, param, message] of rows) {
    const error = await refused(chat, steered(more));
    assert.deepEqual([error.status, error.param], [400, param], `${JSON.stringify(more)} ${error.message}`);
    assert.match(error.message, message);
  }
  const second = await refused(chat, {
    messages,
    steering: { choices: [null, [{ concept: 'ocean' }, { vectors: { 1: [1] } }]] },
  });
  assert.equal(second.param, 'steering.choices.1.1.vectors');
});

test('a key with a list of concepts or a cap on strength cannot bring its own', async (t) => {
  const built = await buildWithKeys(t, [{ concepts: ['ocean'] }, { max_strength: 0.5 }, {}]);
  const [listed = '', capped = '', free = ''] = built.secrets;
  const ask = async (secret: string, payload: object) => {
    const reply = await built.app.inject({ method: 'POST', url: chat, headers: built.with(secret), payload });
    return [reply.statusCode, reply.json().error?.code, reply.json().error?.param];
  };
  const refusal = (param: string) => [403, 'inline_vectors_not_allowed', param];
  for (const secret of [listed, capped]) {
    for (const strength of [0.1, 900]) {
      assert.deepEqual(await ask(secret, steered({ strength })), refusal('steering.vectors'));
    }
    const hidden = { steering: { choices: [null, [{ vectors }]] } };
    assert.deepEqual(await ask(secret, { messages, ...hidden }), refusal('steering.choices.1.vectors'));
    const ablated = steered({ operation: 'ablate', strength: 1 });
    assert.deepEqual(await ask(secret, ablated), refusal('steering.vectors'));
  }
  assert.deepEqual(await ask(listed, { messages, monitor: [{ vectors }] }), refusal('monitor.0.vectors'));
  assert.deepEqual((await ask(capped, { messages, monitor: [{ vectors }] }))[0], 200);
  assert.deepEqual((await ask(free, steered({ strength: 900 })))[0], 200);
});
