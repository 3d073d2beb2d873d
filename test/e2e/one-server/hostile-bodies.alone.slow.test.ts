/** Bodies that are made to hurt, beside a stream that does not notice: it says what it says alone, and memory stays. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { residentBytes } from '../../helpers/resident-memory.js';
import { suiteServer } from '../running-server.js';

const chat = '/v1/chat/completions';
const many = 100_000;
const messages = [{ role: 'user', content: 'Tell me about your morning.' }];
const long = { messages, concept: 'pirate', strength: 0.8, temperature: 0, max_tokens: 200, stream: true };
/** What JSON, strings and buffers of 30 MB may leave behind in the heaps of a process; they are given back later. */
const mostGrowth = 400 * 2 ** 20;

describe('hostile bodies', () => {
  const server = suiteServer();
  const send = async (path: string, body: string | Buffer, method = 'POST') => {
    const reply = await fetch(`${server().url}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body,
    });
    const text = await reply.text();
    return { status: reply.status, text };
  };
  const contents = (stream: string) =>
    [...stream.matchAll(/"delta":\{"content":("(?:[^"\\]|\\.)*")/g)]
      .map(([, json]) => JSON.parse(String(json)))
      .join('');
  const resident = () => residentBytes(server().url);

  test('a stream beside them is the same, each is refused with a reason, and memory stays', async () => {
    const alone = contents((await send(chat, JSON.stringify(long))).text);
    const before = await resident();
    const beside = send(chat, JSON.stringify(long));
    const dribbling = Array.from({ length: 20 }, () => dribble(server().url));
    const list = (item: string) => `[${Array.from({ length: many }, () => item).join(',')}]`;
    const numbers = `{"vectors":{"3":[${Array.from({ length: 5e6 }, () => '0.125').join(',')}]}}`;
    const asked: readonly (readonly [
      path: string,
      body: string | Buffer,
      statuses: readonly number[],
      method?: string,
    ])[] = [
      [chat, 'x'.repeat(30e6), [413]],
      [chat, `{"messages":${list('{"role":"user","content":"a"}')}}`, [400]],
      [chat, `{"messages":[{"role":"user","content":"a"}],"steering":${list('{"concept":"sad"}')}}`, [400]],
      [chat, `{"messages":[{"role":"user","content":"a"}],"stop":${list('"a"')}}`, [400]],
      [chat, '['.repeat(4e6), [400]],
      ['/v1/fits', `{"name":"x","statements":{"positive":${list('"a"')},"negative":${list('"b"')}}}`, [400]],
      ['/v1/concepts/hostile/vectors', numbers, [400], 'PUT'],
      ['/v1/concepts/hostile/vectors', '{"vectors":{'.repeat(2e6), [400], 'PUT'],
      [
        '/v1/concepts/hostile/vectors',
        Buffer.concat([Buffer.from('GGUF\x03\0\0\0'), Buffer.alloc(30e6, 0xff)]),
        [400],
        'PUT',
      ],
    ];
    const told = await Promise.all(asked.map(([path, body, , method]) => send(path, body, method)));
    for (const [i, { status, text }] of told.entries()) {
      const [path, , statuses] = asked[i] as (typeof asked)[number];
      assert.ok(statuses.includes(status), `${path} ${i}: ${status} ${text.slice(0, 300)}`);
      assert.ok((JSON.parse(text) as { error: { message: string } }).error.message.length > 10);
    }
    const stream = await beside;
    for (const { stop } of dribbling) stop();
    assert.equal(stream.status, 200);
    assert.match(stream.text, /\[DONE\]/);
    assert.equal(contents(stream.text), alone);
    assert.ok(alone.length > 100);
    const grown = (await resident()) - before;
    assert.ok(grown < mostGrowth, `${grown} bytes more`);
    assert.equal((await fetch(`${server().url}/health`)).status, 200);
  });
});

/** A connection whose body comes a byte at a time. */
function dribble(url: string): { stop(): void } {
  const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `POST ${chat} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n`,
  );
  const timer = setInterval(() => socket.write(' '), 20);
  return {
    stop() {
      clearInterval(timer);
      socket.destroy();
    },
  };
}
