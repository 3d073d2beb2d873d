/** A judge over HTTP that is right, wrong, talks around its mark, is slow, busy, broken or picky. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { JudgeCache } from '../../src/benchmark/judge-cache.js';
import { JudgeClient, type JudgeSettings } from '../../src/benchmark/judge-client.js';
import { judgeQuestion } from '../../src/benchmark/judge-prompts.js';
import { readMark } from '../../src/benchmark/judge-reply.js';

interface Received {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly response_format?: { readonly type: string };
}

type Reply = string | ((response: ServerResponse, body: Received) => void);

/** Replies one after the other, the last one for ever: a text is what the model says. */
async function judgeSaying(t: TestContext, replies: readonly Reply[], more: Partial<JudgeSettings> = {}) {
  const received: Received[] = [];
  let atOnce = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    let text = '';
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    response.on('close', () => atOnce--);
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      const body = JSON.parse(text) as Received;
      const reply = replies[Math.min(received.length, replies.length - 1)] as Reply;
      received.push(body);
      if (typeof reply === 'string') completion(response, reply);
      else reply(response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(join(tmpdir(), 'steerd-judge-'));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });
  const settings = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    model: 'm',
    atOnce: 4,
    timeLimit: 10_000,
    firstPause: 1,
    ...more,
  };
  const client = () => new JudgeClient(settings, new JudgeCache(folder));
  return { client: client(), again: client, received, most: () => mostAtOnce };
}

function completion(response: ServerResponse, content: string): void {
  const usage = { prompt_tokens: 100, completion_tokens: 20 };
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ choices: [{ message: { content } }], usage }));
}

const status =
  (code: number, headers: Record<string, string> = {}): Reply =>
  (response) => {
    response.writeHead(code, headers).end('no');
  };

const { signal } = new AbortController();
const right = '{"reason": "it is there", "score": 1}';

test('a mark is read, paid for once, and asked for as JSON', async (t) => {
  const { client, again, received } = await judgeSaying(t, [right]);
  const first = await client.ask('success', 'one?', signal);
  assert.deepEqual(
    [first.score, first.reason, first.malformed, first.retries, first.prompt_tokens, first.cached],
    [1, 'it is there', 0, 0, 100, false],
  );
  assert.equal(received[0]?.response_format?.type, 'json_schema');
  // Of this client, and of one of a later run.
  for (const one of [client, again()]) {
    const kept = await one.ask('success', 'one?', signal);
    assert.deepEqual([kept.score, kept.cached, kept.prompt_tokens], [1, true, 0]);
  }
  assert.equal(received.length, 1);
  // Another question is another content.
  await client.ask('success', 'two?', signal);
  assert.equal(received.length, 2);
});

test('the same question asked twice at once is sent once', async (t) => {
  const { client, received } = await judgeSaying(t, [right]);
  const both = await Promise.all([1, 2].map(() => client.ask('success', 'one?', signal)));
  assert.deepEqual(
    both.map(({ score }) => score),
    [1, 1],
  );
  assert.equal(received.length, 1);
});

test('a mark beyond the scale, or none, is asked for again, and what never comes is unknown and not kept', async (t) => {
  const { client, received } = await judgeSaying(t, ['{"score": 7}', 'I like it.', right]);
  const judged = await client.ask('success', 'one?', signal);
  assert.deepEqual([judged.score, judged.malformed, judged.prompt_tokens], [1, 2, 300]);
  assert.deepEqual(
    received.map(({ messages }) => messages.length),
    [2, 4, 4],
  );
  const never = await judgeSaying(t, ['Well ...']);
  const lost = await never.client.ask('concept', 'one?', signal);
  assert.deepEqual([lost.score, lost.malformed], [null, 3]);
  await never.client.ask('concept', 'one?', signal);
  assert.equal(never.received.length, 6, 'asked again');
});

test('a judge that is busy, breaks or is slow is asked again, after the time it names', async (t) => {
  const silent: Reply = () => {};
  const broken: Reply = (response) => response.destroy();
  const noJson: Reply = (response) => response.end('<html>');
  const { client, received } = await judgeSaying(
    t,
    [status(429, { 'retry-after': '1' }), status(503), broken, noJson, silent, right],
    { timeLimit: 500 },
  );
  const before = performance.now();
  const judged = await client.ask('success', 'one?', signal);
  assert.deepEqual([judged.score, judged.retries, received.length], [1, 5, 6]);
  assert.ok(performance.now() - before >= 1400, 'it waited as it was told, and for the slow one');
});

test('a judge that stays busy, or refuses, ends the run with what it said', async (t) => {
  const busy = await judgeSaying(t, [status(500)]);
  await assert.rejects(busy.client.ask('success', 'one?', signal), {
    code: 'judge_failed',
    message: /status 500 \(9 tries in a row\)/,
  });
  const closed = await judgeSaying(t, [status(401)]);
  await assert.rejects(closed.client.ask('success', 'one?', signal), { message: /status 401: no/ });
  assert.equal(closed.received.length, 1);
  const waiting = await judgeSaying(t, [status(429, { 'retry-after': '86400' })]);
  await assert.rejects(waiting.client.ask('success', 'one?', signal), { code: 'judge_failed' });
});

test('an endpoint that knows no schemas is asked for JSON, then in words, and remembered so', async (t) => {
  const picky: Reply = (response, { response_format: format }) => {
    if (format === undefined) completion(response, right);
    else response.writeHead(400).end('response_format is not supported');
  };
  const { client, received } = await judgeSaying(t, [picky]);
  assert.equal((await client.ask('success', 'one?', signal)).score, 1);
  assert.deepEqual(
    received.map(({ response_format: format }) => format?.type),
    ['json_schema', 'json_object', undefined],
  );
  await client.ask('success', 'two?', signal);
  assert.equal(received.length, 4);
});

test('no more questions are under way than were allowed', async (t) => {
  const slowly: Reply = (response) => setTimeout(() => completion(response, right), 20);
  const { client, most } = await judgeSaying(t, [slowly], { atOnce: 3 });
  await Promise.all(Array.from({ length: 12 }, (_, i) => client.ask('success', `${i}?`, signal)));
  assert.equal(most(), 3);
});

test('a run that is stopped stops waiting for its judge', async (t) => {
  const { client } = await judgeSaying(t, [status(429, { 'retry-after': '300' })]);
  const stop = new AbortController();
  const asking = client.ask('success', 'one?', stop.signal);
  setTimeout(() => stop.abort(new Error('stopped')), 50);
  await assert.rejects(asking, /stopped/);
});

test('a mark is found in what judges write around it, and nowhere else', () => {
  const marks: readonly (readonly [string, number | null])[] = [
    ['{"score": 1}', 1],
    ['```json\n{"reason": "a \\"} b", "score": 0}\n```', 0],
    ['First {"score": 0} but then again {"reason": "", "score": 2}', 2],
    ['{"score": "2"}', 2],
    ['{"score": true}', 1],
    ['{"score": 1.5}', null],
    ['{"score": -1}', null],
    ['{"score": 3}', null],
    ['score: 1', null],
    ['{"score": 1', null],
    ['{"mark": {"score": 1}}', null],
    ['', null],
  ];
  for (const [text, score] of marks) assert.equal(readMark(text, 2)?.score ?? null, score, text);
});

test('an answer cannot speak for the question that it is put into', () => {
  const asked = judgeQuestion('success', {
    target: 'a {answer} T',
    prompt: '{target}?',
    answer: 'x {prompt} $& $1',
  });
  assert.match(asked, /turn a model into a \{answer\} T\./);
  assert.match(asked, /<prompt>\n\{target\}\?\n<\/prompt>/);
  assert.match(asked, /<answer>\nx \{prompt\} \$& \$1\n<\/answer>/);
});
