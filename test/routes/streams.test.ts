/** What happens to answers under way: clients that leave, engines that fail, a full queue, a slow reader. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { errors } from '../../src/errors.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { build, gate, until } from '../helpers/app.js';
import { listen, open, send } from '../helpers/http.js';
import { events } from '../helpers/sse.js';

const path = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

test('deltas arrive while the answer is still being made', async (t) => {
  const half = gate();
  const { app } = await build(t, { answer: () => 'abcd', pace: async (step) => step === 2 && half.passed });
  const reply = await open(`${await listen(app)}${path}`, { messages, stream: true });
  await until(() => reply.text().includes('"b"'));
  assert.ok(!reply.text().includes('"c"'));
  half.open();
  assert.equal(events(await reply.ended).at(-1), '[DONE]');
});

test('a client that leaves a stream frees all of its slots', async (t) => {
  const { app, engine } = await build(t, {
    answer: () => 'x'.repeat(400),
    pace: () => new Promise((resolve) => setTimeout(resolve, 5)),
  });
  const reply = await open(`${await listen(app)}${path}`, { messages, stream: true, n: 3 });
  await until(() => engine.running === 3 && reply.text().includes('"x"'));
  reply.request.destroy();
  await until(() => engine.running === 0);
  assert.equal(engine.left, 3);
  await until(() => app.answers.size === 0);
});

test('a client that leaves before its first token, streaming or not, frees its slot', async (t) => {
  const never = gate();
  const { app, engine } = await build(t, {
    pace: () => Promise.race([never.passed, new Promise((resolve) => setTimeout(resolve, 50))]),
    answer: () => 'y'.repeat(400),
  });
  const url = `${await listen(app)}${path}`;
  for (const stream of [true, false]) {
    const sent = send(url, { messages, stream });
    sent.on('error', () => {});
    await until(() => engine.running === 1);
    sent.destroy();
    await until(() => engine.running === 0);
  }
  assert.equal(engine.left, 2);
  await until(() => app.answers.size === 0);
});

test('requests sent ahead on one connection are left with it', async (t) => {
  const never = gate();
  const { app, engine } = await build(t, {
    answer: () => 'y'.repeat(400),
    pace: () => Promise.race([never.passed, new Promise((resolve) => setTimeout(resolve, 20))]),
  });
  const { hostname, port } = new URL(await listen(app));
  const socket = connect(Number(port), hostname);
  for (const stream of [false, true, false]) {
    const body = JSON.stringify({ messages, stream });
    const head = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    socket.write(`POST ${path} HTTP/1.1\r\n${head}${body}`);
  }
  await until(() => engine.running === 3);
  socket.destroy();
  await until(() => engine.running === 0 && app.answers.size === 0);
  assert.equal(engine.left, 3);
});

test('finished answers are not held on to', async (t) => {
  const { app, engine } = await build(t);
  const url = `${await listen(app)}${path}`;
  for (const stream of [true, false, true, false]) await (await open(url, { messages, stream })).ended;
  await until(() => app.answers.size === 0);
  assert.deepEqual([engine.running, engine.left], [0, 0]);
});

test('a full queue is 429 with Retry-After, also for a stream', async (t) => {
  const { refused } = await build(t, { refuse: () => errors.queueFull(2, 7) });
  for (const stream of [true, false]) {
    const error = await refused(path, { messages, stream });
    assert.deepEqual([error.status, error.code, error.type], [429, 'queue_full', 'rate_limit_error']);
    assert.equal((error.headers as Record<string, unknown>)['retry-after'], '7');
  }
});

test('one sequence refused: the others of its request are left', async (t) => {
  let admitted = 0;
  const { refused, engine } = await build(t, {
    answer: () => 'z'.repeat(400),
    refuse: () => (admitted++ < 2 ? undefined : errors.queueFull(2, 1)),
  });
  const error = await refused(path, { messages, stream: true, n: 3 });
  assert.equal(error.status, 429);
  await until(() => engine.running === 0);
  assert.equal(engine.left, 2);
});

test('an engine that fails ends a stream with an error event, and a plain answer with 500', async (t) => {
  const { app, refused, engine } = await build(t, {
    answer: () => ['a', 'b', errors.engineFailed('tiny', 'out of memory')],
  });
  const reply = await app.inject({ method: 'POST', url: path, payload: { messages, stream: true, n: 2 } });
  assert.equal(reply.statusCode, 200);
  const last = events(reply.body).at(-1);
  assert.deepEqual(ErrorBody.parse(last).error.code, 'engine_failed');
  const plain = await refused(path, { messages });
  assert.deepEqual([plain.status, plain.code], [500, 'engine_failed']);
  await until(() => engine.running === 0);
});

test('what an unknown error says stays in the log', async (t) => {
  const lines: string[] = [];
  const answer = () => ['a', new Error('secret path /etc/passwd')];
  const { app, refused } = await build(t, { answer, onLog: (line) => lines.push(line) });
  const plain = await refused(path, { messages });
  assert.deepEqual([plain.status, plain.code], [500, 'internal_error']);
  const id = (plain.headers as Record<string, string>)['x-request-id'] ?? assert.fail();
  assert.ok(plain.message.includes(id) && !plain.message.includes('secret'));
  const reply = await app.inject({ method: 'POST', url: path, payload: { messages, stream: true } });
  assert.ok(!reply.body.includes('secret'));
  assert.equal(ErrorBody.parse(events(reply.body).at(-1)).error.code, 'internal_error');
  assert.ok(lines.some((line) => line.includes(id) && line.includes('secret path')));
});

test('a reader that stops reading gets everything when it goes on', async (t) => {
  const length = 60_000;
  const { app } = await build(t, {
    capacity: length + 100,
    answer: () => 'w'.repeat(length),
    pace: (step) => (step % 100 === 0 ? new Promise(setImmediate) : Promise.resolve()),
  });
  const reply = await open(`${await listen(app)}${path}`, { messages, stream: true });
  reply.response.pause();
  await new Promise((resolve) => setTimeout(resolve, 100));
  reply.response.resume();
  const body = await reply.ended;
  assert.equal(body.split('"content":"w"').length - 1, length);
  assert.ok(body.endsWith('data: [DONE]\n\n'));
});
