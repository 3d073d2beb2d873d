/** Starting and stopping: streams finish, new requests do not start, what takes too long is cancelled. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { exampleRequest } from '../../src/commands/serve.js';
import { readSettings } from '../../src/config.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import {
  type OpenedServices,
  type RunningServer,
  type ServerLog,
  startServer,
} from '../../src/server/server.js';
import { fakeServices, gate, until } from '../helpers/app.js';
import { FakeEngine, type FakeEngineOptions } from '../helpers/fake-engine.js';
import { open } from '../helpers/http.js';
import { events } from '../helpers/sse.js';

const body = { messages: [{ role: 'user', content: 'Hi' }], stream: true };
const silent = pino({ level: 'silent' });

interface StartOptions extends FakeEngineOptions {
  readonly services?: Partial<OpenedServices>;
  readonly log?: ServerLog;
  /** Longer than any test by default: what waits for it hangs. */
  readonly shutdownSeconds?: number;
}

async function start(t: TestContext, { services, log, shutdownSeconds, ...options }: StartOptions = {}) {
  const engine = new FakeEngine(options);
  const settings = readSettings({ PORT: '0', STEERD_SHUTDOWN_SECONDS: String(shutdownSeconds ?? 3600) });
  const server = await startServer(
    settings,
    async () => ({ ...fakeServices(engine), ...services }),
    log ?? silent,
  );
  t.after(() => server.stop());
  return { server, engine, url: `${server.url}/v1/chat/completions` };
}

const isDown = (server: RunningServer) =>
  new Promise<boolean>((resolve) => {
    request(`${server.url}/health`, { agent: new Agent() }, () => resolve(false))
      .on('error', () => resolve(true))
      .end();
  });

test('stopping lets a running stream finish, accepts nobody else, and then closes the engine', async (t) => {
  const half = gate();
  const { server, engine, url } = await start(t, {
    answer: () => 'abcd',
    pace: async (step) => step === 2 && half.passed,
  });
  const reply = await open(url, body);
  const stopped = server.stop();
  while (!(await isDown(server)));
  assert.equal(engine.closed, false);
  half.open();
  const received = events(await reply.ended);
  assert.equal(received.at(-1), '[DONE]');
  await stopped;
  assert.deepEqual([engine.closed, engine.left], [true, 0]);
});

test('what does not finish in time is told so and cancelled', async (t) => {
  const { server, engine, url } = await start(t, {
    shutdownSeconds: 0,
    answer: () => 'x'.repeat(400),
    pace: () => new Promise((resolve) => setTimeout(resolve, 50)),
  });
  const reply = await open(url, body);
  await server.stop();
  const last = events(await reply.ended).at(-1);
  assert.equal(ErrorBody.parse(last).error.code, 'server_stopping');
  assert.equal(engine.closed, true);
  await until(() => engine.left === 1);
});

test('a request on an open connection to a stopping server is 503', async (t) => {
  const half = gate();
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const { server, engine } = await start(t, {
    log,
    answer: () => 'ab',
    pace: async (step) => step === 1 && half.passed,
  });
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    received += piece;
  });
  const json = JSON.stringify(body);
  const head = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n`;
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${head}${json}`);
  await until(() => received.includes('"a"'));
  const stopped = server.stop();
  while (!(await isDown(server)));
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\n${head}${json}`);
  await until(() => lines.some((line) => line.includes('server_stopping')));
  half.open();
  await stopped;
  await until(() => socket.closed);
  assert.match(received, /\[DONE\][\s\S]*HTTP\/1\.1 503[\s\S]*server_stopping/);
  assert.equal(engine.requests.length, 1);
});

test('the server answers while the model loads, and a model that never loads does not end it', async (t) => {
  const { server } = await start(t, { services: { loaded: Promise.reject(new Error('no such file')) } });
  assert.equal(await isDown(server), false);
  await assert.rejects(server.services.loaded, /no such file/);
});

test('an address in use is an error, and the services are closed', async (t) => {
  const { server } = await start(t);
  const engine = new FakeEngine();
  const settings = readSettings({ PORT: new URL(server.url).port });
  await assert.rejects(
    startServer(settings, async () => fakeServices(engine), silent),
    /cannot be listened on \(EADDRINUSE\): end the program that has it/,
  );
  await until(() => engine.closed);
});

test('the command to copy is steered by a concept that is there', async (t) => {
  const { server } = await start(t);
  const command = await exampleRequest(server, 'tiny');
  assert.match(command, /"concept":"ocean","strength":1/);
  assert.ok(command.includes(`${server.url}/v1/chat/completions`));
});

test('a connection that never sends a request does not hold the server up', async (t) => {
  const half = gate();
  const { server, url } = await start(t, {
    answer: () => 'ab',
    pace: async (step) => step === 1 && half.passed,
  });
  const idle = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(idle, 'connect');
  const reply = await open(url, body);
  const stopped = server.stop();
  half.open();
  assert.equal(events(await reply.ended).at(-1), '[DONE]');
  await stopped;
  await until(() => idle.closed);
});
