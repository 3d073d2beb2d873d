/**
 * Requests that have taken servers like this one down (vLLM, llama.cpp, SGLang and others): each gets a clear error
 * or simply works, and a stream that goes on beside them says what it says alone and never stalls.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { answer, connectionsAreNginxs, type ServerProcess, suiteServer } from '../running-server.js';
import { chatPath, crashingRequests, user } from './crashing-request-list.js';

async function send(server: ServerProcess, path: string, asked: unknown) {
  const body = typeof asked === 'function' ? (asked() as unknown) : asked;
  const payload = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const reply = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: payload,
    signal: AbortSignal.timeout(60_000),
  });
  return { status: reply.status, json: (await reply.json()) as { error?: Record<string, unknown> } };
}

const question = 'Tell me a long story about the sea.';
const beside = { temperature: 0, max_tokens: 48, ignore_eos: true };

interface Wait {
  /** Number of the request that was asked when it began, and when it ended. */
  readonly from: number;
  readonly to: number;
  readonly milliseconds: number;
}

/** Streams the same answer again and again: its texts, and the waits between two pieces. */
async function streamBeside(server: ServerProcess, signal: AbortSignal, asked: () => number, waits: Wait[]) {
  const texts: string[] = [];
  let last = performance.now();
  let from = asked();
  while (!signal.aborted) {
    const pieces = await server.client.chat.completions.create({
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user', content: question }],
      stream: true,
      ...beside,
      ...{ concept: 'ocean', strength: 0.7 },
    });
    let said = '';
    for await (const { choices } of pieces) {
      waits.push({ from, to: asked(), milliseconds: performance.now() - last });
      last = performance.now();
      from = asked();
      said += choices[0]?.delta.content ?? '';
    }
    texts.push(said);
  }
  return texts;
}

/** As many ordinary waits of the stream make a stall: bodies of 4 MB are parsed and prompts read in some. */
const stallRatio = 15;
/** A machine with other work makes a wait long now and then, a request that blocks the server each time. */
const stallTries = 4;

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const loadOf = async (server: ServerProcess) =>
  (await (await fetch(`${server.url}/load`)).json()) as Record<'server_load' | 'running' | 'waiting', number>;

async function restless(server: ServerProcess): Promise<boolean> {
  const { server_load, running, waiting } = await loadOf(server);
  return server_load + running + waiting > 0;
}

describe('requests that killed servers like this one', () => {
  const running = suiteServer();

  test('each is answered clearly, and a stream beside them does not notice', async () => {
    const server = running();
    const alone = await answer(server, question, { concept: 'ocean', strength: 0.7 }, beside);
    const done = new AbortController();
    const waits: Wait[] = [];
    let asked = 0;
    const streaming = streamBeside(server, done.signal, () => asked, waits);
    try {
      for (const [what, path, body, expected] of crashingRequests) {
        const { status, json } = await send(server, path, body);
        asked++;
        const allowed = typeof expected === 'number' ? [expected] : expected;
        assert.ok(allowed.includes(status), `${what}: ${status} ${JSON.stringify(json).slice(0, 300)}`);
        if (status === 200) continue;
        assert.deepEqual(Object.keys(json.error ?? {}).sort(), ['code', 'message', 'param', 'type'], what);
        assert.ok(String(json.error?.message).length < 1000, `${what}: a message of reasonable length`);
      }
      const usual = median(waits.map(({ milliseconds }) => milliseconds));
      const longest = (number: number) =>
        Math.max(
          0,
          ...waits.filter(({ from, to }) => from <= number && number <= to).map((wait) => wait.milliseconds),
        );
      for (const [number, request] of crashingRequests.entries()) {
        const [what, path, body] = request;
        const most = stallRatio * usual;
        let least = longest(number);
        for (let tries = stallTries; tries > 0 && least > most; tries--) {
          await send(server, path, body);
          // The piece that is waited for belongs to this try, whenever it comes.
          const before = waits.length;
          while (waits.length === before) await pause(10);
          least = Math.min(least, longest(asked++));
        }
        assert.ok(least <= most, `the stream stalls each time for ${least} ms, usually ${usual} ms: ${what}`);
      }
    } finally {
      done.abort();
      await streaming;
    }
    for (const said of await streaming) assert.equal(said, alone);
    assert.ok(!(await restless(server)));
    assert.ok(!/"level":(50|60)/.test(server.log()), server.log());
  });

  test('clients that leave at every moment leave nothing behind (Rapid-MLX #1759, ATOM #1441, SGLang #36475)', async () => {
    const server = running();
    const { hostname, port } = new URL(server.url);
    const request = (stream: boolean, tokens = 300) => {
      const body = JSON.stringify({ messages: user(question), stream, max_tokens: tokens, ignore_eos: true });
      return `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    const open = async () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      await once(socket, 'connect');
      return socket;
    };
    const got = async (socket: Awaited<ReturnType<typeof open>>, pattern: RegExp) => {
      let received = '';
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
        received += String(chunk);
        if (pattern.test(received)) return;
      }
    };
    for (let round = 0; round < 3; round++) {
      const leaving = await Promise.all(Array.from({ length: 7 }, open));
      const [inStream, beforeToken, plain, halfRequest, between, pipelined, betweenStreams] = leaving;
      inStream?.write(request(true));
      beforeToken?.write(request(true));
      plain?.write(request(false));
      halfRequest?.write(request(false).slice(0, 150));
      between?.write(request(false, 1));
      pipelined?.write(request(false, 1) + request(true) + request(false));
      betweenStreams?.write(request(true, 1));
      beforeToken?.destroy();
      if (inStream) await got(inStream, /"content":"[^"]/);
      inStream?.destroy();
      halfRequest?.destroy();
      // Exactly between two requests of one session: the answer is complete, the next request has begun.
      if (between) await got(between, /"usage"/);
      between?.write(request(false));
      between?.destroy();
      if (betweenStreams) await got(betweenStreams, /\[DONE\]/);
      betweenStreams?.write(request(true).slice(0, 40));
      betweenStreams?.destroy();
      await pause(50);
      plain?.destroy();
      pipelined?.destroy();
    }
    // They would have gone on for hundreds of tokens: none is there any more when one answer of a few is complete.
    assert.notEqual(await answer(server, 'Hi'), '');
    assert.ok(!(await restless(server)), JSON.stringify(await loadOf(server)));
  });

  test('headers that no server should read', { skip: connectionsAreNginxs }, async () => {
    const server = running();
    const { hostname, port } = new URL(server.url);
    for (const [sent, status] of [
      [`GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(70_000)}\r\n\r\n`, /^HTTP\/1\.1 431/],
      [`GET /${'x'.repeat(70_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, /^HTTP\/1\.1 4(14|31)/],
      ['NONSENSE\r\n\r\n', /^HTTP\/1\.1 400/],
      [
        `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n`,
        /^HTTP\/1\.1 413[\s\S]*body_too_large/,
      ],
      [
        `POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
        /^HTTP\/1\.1 400/,
      ],
      [`POST ${chatPath} HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n`, /^HTTP\/1\.1 400/],
    ] as const) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      let received = '';
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString();
      });
      socket.write(sent);
      await new Promise((resolve) => socket.on('close', resolve));
      assert.match(received, status, sent.slice(0, 60));
    }
    assert.equal((await fetch(`${server.url}/health`)).status, 200);
  });
});
