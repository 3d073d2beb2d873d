/** Sweeps and calibrations over HTTP: few at once, the others are told when to come again. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { build, gate, until } from '../helpers/app.js';
import { listen } from '../helpers/http.js';

const sweep = '/v1/steering/sweep';
const body = { prompts: ['Hi'], concepts: ['pirate'], strengths: [1], max_tokens: 4 };

test('a fifth sweep or calibration is 429 with Retry-After; a client that leaves makes room', async (t) => {
  const open = gate();
  const { app, engine, refused } = await build(t, { pace: () => open.passed });
  const url = `${await listen(app)}${sweep}`;
  const clients = Array.from({ length: 4 }, () => {
    const sent = request(url, { method: 'POST', headers: { 'content-type': 'application/json' } });
    sent.on('error', () => {});
    sent.end(JSON.stringify(body));
    return sent;
  });
  await until(() => engine.running === 4);
  for (const [path, payload] of [
    [sweep, body],
    ['/v1/concepts/pirate/calibrate', {}],
  ] as const) {
    const { status, code, headers, message } = await refused(path, payload);
    assert.deepEqual([status, code], [429, 'measurements_full']);
    assert.ok(Number((headers as Record<string, string>)['retry-after']) >= 1);
    assert.match(message, /limit 4/);
  }
  // Completions have nothing to do with it.
  const plain = app.inject({
    method: 'POST',
    url: '/v1/completions',
    payload: { prompt: 'Hi', max_tokens: 2 },
  });
  await until(() => engine.running === 5);
  clients[0]?.destroy();
  await until(() => app.answers.size === 4);
  open.open();
  assert.equal((await plain).statusCode, 200);
  await until(() => app.measurements.running < 4);
  for (const client of clients) client.destroy();
  await until(() => app.measurements.running === 0);
});

test('a calibration that cannot be is refused, at the field that is wrong', async (t) => {
  const { refused } = await build(t);
  for (const [body, message] of [
    [{ bound: { fluency: 1.5 } }, /bound\.fluency must be a number from 0 to 1/],
    [{ bound: { divergence: -1 } }, /bound\.divergence must be a number from 0 to 100/],
    [{ bound: { log_probability_drop: 1 } }, /bound has no field "log_probability_drop"/],
    [{ bound: 0.5 }, /bound must be an object of two numbers/],
    [{ others: [] }, /others must be a list of 1 to 32 messages/],
    [{ others: ['Be a dog.', ''] }, /others\.1 must be a text/],
    [{ questions: ['One?'] }, /questions must be a list of 2 to 64/],
    [{ shares: [0.01, 0.01] }, /shares must have no number twice/],
    [{ max_tokens: 4 }, /max_tokens must be a whole number from 8 to 512/],
    [{ decoys: [] }, /has no field "decoys"/],
    // 2 answers to each of 64 questions at 5 shares, each of 512 tokens read 13 times.
    [
      { questions: Array.from({ length: 64 }, (_, i) => `What is ${i}?`), max_tokens: 512 },
      /^questions, shares, others and max_tokens must make at most 2000000 tokens.*3932160/,
    ],
  ] as const) {
    const { status, message: said } = await refused('/v1/concepts/pirate/calibrate', body);
    assert.equal(status, 400, said);
    assert.match(said, message);
  }
});
