/** What a reply says of its steering, over HTTP. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errors } from '../../src/errors.js';
import { ChatCompletion } from '../../src/schemas/chat.js';
import { Completion } from '../../src/schemas/completions.js';
import { build } from '../helpers/app.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

test('positions that do not come are said, prompt by prompt', async (t) => {
  const { post } = await build(t);
  const steering = { concept: 'ocean', positions: { from: 8, to: 20 } };
  const ask = async (prompt: unknown, more: object = {}) =>
    (await post('/v1/completions', { prompt, steering, max_tokens: 2, ...more }, Completion)).steering?.[0];
  // The fake puts one token before the text: 10 tokens, and then 4.
  assert.deepEqual([(await ask('012345678'))?.applied, (await ask('012'))?.applied], [true, false]);
  const both = await ask(['012', '012345678'], { n: 2 });
  assert.equal(both?.applied, true);
  assert.deepEqual(both?.notes, [
    'prompt 0: no position is in this window: the last one of this request is 4',
  ]);
  assert.equal(both?.calibrated, false);
  assert.ok(!('notes' in ((await ask(['012345678', '0123456789'])) ?? {})));
});

test('generated reaches the position that the first token is drawn from', async (t) => {
  const { post, engine } = await build(t);
  const reply = await post(
    chat,
    { messages, steering: { concept: 'ocean', positions: 'generated' }, max_tokens: 1 },
    ChatCompletion,
  );
  const [request] = engine.requests;
  assert.equal(request?.edit[0]?.from, (request?.prompt.length ?? 0) - 1);
  assert.equal(reply.steering?.[0]?.applied, true);
});

test('a centred operation on a concept that was not read says how to measure it', async (t) => {
  const { post, refused } = await build(t);
  for (const operation of ['ablate', 'clamp', 'amplify']) {
    const steering = { concept: 'ocean', operation, strength: 1 };
    const error = await refused(chat, { messages, steering });
    assert.deepEqual(
      [error.status, error.code, error.param],
      [400, 'concept_not_measured', 'steering.operation'],
    );
    assert.match(error.message, /POST \/v1\/concepts\/ocean\/calibrate/);
    await post(chat, { messages, steering: { ...steering, scale: 'raw' } }, ChatCompletion);
  }
  const monitor = [{ concept: 'ocean', scale: 'calibrated' }];
  const error = await refused(chat, { messages, monitor });
  assert.deepEqual([error.code, error.param], ['concept_not_measured', 'monitor.0.scale']);
});

test('steering under which the numbers overflow is refused by its strength and the layer where that began', async (t) => {
  const { refused, app } = await build(t, { answer: () => ['a', errors.steeringTooStrong(2)] });
  const steering = [
    { concept: 'ocean', operation: 'amplify', strength: 100, scale: 'raw' },
    { concept: 'pirate', strength: 1 },
  ];
  const error = await refused(chat, { messages, steering });
  assert.deepEqual([error.status, error.code, error.param], [400, 'steering_too_strong', 'steering']);
  assert.match(
    error.message,
    /amplify "ocean" at strength 100 \(scale raw\) and add "pirate" at strength 1, .*layer 2 first/,
  );
  const streamed = await app.inject({
    method: 'POST',
    url: chat,
    payload: { messages, steering, stream: true },
  });
  assert.equal(streamed.statusCode, 200, 'after the first token it is the last event');
  assert.match(streamed.body, /steering_too_strong/);
});
