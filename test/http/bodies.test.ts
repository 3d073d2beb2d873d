/** Bodies that come slowly, or that are too large: cut, or refused in a way that their client can read. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ErrorBody } from '../../src/schemas/errors.js';
import { build, gate, until } from '../helpers/app.js';
import { listen, open } from '../helpers/http.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

test('a body that dribbles is cut however evenly it comes, and a stream beside it does not notice', async (t) => {
  const late = gate();
  const { app } = await build(t, {
    settings: { bodySeconds: 1 },
    answer: () => 'abcd',
    pace: async (step) => step === 2 && late.passed,
  });
  const base = await listen(app);
  // Its own request has come long before; only its answer takes longer than the second.
  const stream = await open(`${base}${chat}`, { messages, stream: true });
  const started = performance.now();
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  let told = '';
  socket.on('data', (chunk: Buffer) => {
    told += chunk;
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  socket.write(
    `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n`,
  );
  const dribble = setInterval(() => socket.write(' '), 50);
  await closed;
  clearInterval(dribble);
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds >= 1 && seconds < 5, `${seconds}`);
  assert.match(told, /^HTTP\/1\.1 408 [\s\S]*"code":"request_timeout"/);
  late.open();
  assert.match(await stream.ended, /\[DONE\]/);
});

test('what is no request, and headers without an end, are answered in the shape of errors', async (t) => {
  const { app } = await build(t);
  const port = Number(new URL(await listen(app)).port);
  for (const [sent, status] of [
    ['hello?\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    let told = '';
    socket.on('data', (chunk: Buffer) => {
      told += chunk;
    });
    socket.write(sent);
    await once(socket, 'close');
    assert.match(told, new RegExp(`^HTTP/1.1 ${status} `));
    ErrorBody.parse(JSON.parse(told.split('\r\n\r\n')[1] ?? ''));
  }
});

test('a client that sends 30 MB and only then reads finds the 413', async (t) => {
  const { app } = await build(t, { bodyLimit: 10_000 });
  const url = `${await listen(app)}${chat}`;
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: 'x'.repeat(30e6),
  });
  assert.equal(reply.status, 413);
  assert.equal(ErrorBody.parse(await reply.json()).error.code, 'body_too_large');
  for (const framing of [`content-length: ${30e6}`, 'transfer-encoding: chunked']) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write(
      `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`,
    );
    const part = 'x'.repeat(1e6);
    for (let i = 0; i < 30; i++) {
      const chunk = framing.startsWith('transfer') ? `f4240\r\n${part}\r\n` : part;
      if (!socket.write(chunk)) await once(socket, 'drain');
    }
    if (framing.startsWith('transfer')) socket.write('0\r\n\r\n');
    let told = '';
    socket.on('data', (chunk: Buffer) => {
      told += chunk;
    });
    socket.resume();
    while (!told.includes('body_too_large')) {
      assert.ok(!socket.destroyed, `${framing}: ${told}`);
      await pause(10);
    }
    assert.match(told, /^HTTP\/1\.1 413 /);
    socket.destroy();
  }
});

test('a body that is refused before it has come is answered once, whatever becomes of the rest', async (t) => {
  const { app } = await build(t, { bodyLimit: 2000, settings: { bodySeconds: 2 } });
  const socket = connect(Number(new URL(await listen(app)).port), '127.0.0.1');
  let told = '';
  socket.on('data', (chunk: Buffer) => {
    told += chunk;
  });
  socket.on('error', () => {});
  socket.write(
    `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n{`,
  );
  await once(socket, 'close');
  assert.deepEqual(told.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 413']);
});

test("a client that leaves within its body is no fault of the server's", async (t) => {
  const lines: string[] = [];
  const { app } = await build(t, { onLog: (line) => lines.push(line) });
  const port = Number(new URL(await listen(app)).port);
  for (const framing of ['content-length: 900', 'transfer-encoding: chunked']) {
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`,
    );
    await until(() => app.server.listening && lines.some((line) => line.includes('incoming request')));
    socket.destroy();
    await until(() => lines.some((line) => line.includes('client_gone')));
    assert.ok(!lines.some((line) => /"level":[56]0/.test(line)), lines.join(''));
    lines.length = 0;
  }
});
