/** Fitting on the running server: beside streams, across restarts, through kill -9 and tampered files. */
import assert from 'node:assert/strict';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { answer, post, type ServerProcess, startServerProcess, temporaryData } from './running-server.js';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error: { message: string } | null;
  readonly progress: { stage: string; done: number; total: number } | null;
}

const questions = ['What do you like?', 'How was your day?', 'Describe a room.', 'Tell me about a friend.'];

function fitBody(name: string, prefix: string, count = questions.length) {
  const asked = questions.slice(0, count);
  return {
    name,
    prefix,
    recipe: 'responses',
    calibrate: false,
    statements: { positive: asked, negative: asked },
    max_tokens: 12,
  };
}

async function startFit(server: ServerProcess, body: object): Promise<Job> {
  const { status, json } = await post(server, '/v1/fits', body);
  assert.equal(status, 200, JSON.stringify(json));
  return json as Job;
}

async function get<T>(server: ServerProcess, path: string): Promise<T> {
  const reply = await fetch(`${server.url}${path}`);
  assert.equal(reply.status, 200, `${path}: ${await reply.clone().text()}`);
  return (await reply.json()) as T;
}

async function finished(server: ServerProcess, id: string): Promise<Job> {
  for (;;) {
    const job = await get<Job>(server, `/v1/fits/${id}`);
    if (!['queued', 'running'].includes(job.status)) return job;
    await pause(100);
  }
}

/** Streams one long answer and returns the longest wait between two pieces, in milliseconds. */
async function longestStall(server: ServerProcess, signal: AbortSignal): Promise<number> {
  let longest = 0;
  while (!signal.aborted) {
    const stream = await server.client.chat.completions.create({
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user', content: 'Tell me a long story about a journey.' }],
      max_tokens: 200,
      stream: true,
      ...{ concept: 'ocean', strength: 0.5, ignore_eos: true },
    });
    let last = performance.now();
    for await (const chunk of stream) {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      assert.ok(chunk.choices[0]?.finish_reason !== 'content_filter');
    }
  }
  return longest;
}

test('a fit beside four streams: none stalls or fails, the concept works at once and after a restart', async () => {
  const data = await temporaryData();
  let server = await startServerProcess(data.directory);
  try {
    const done = new AbortController();
    const streams = Array.from({ length: 4 }, () => longestStall(server, done.signal));
    await pause(500);
    const job = await startFit(server, fitBody('winter', 'You are obsessed with winter, snow and ice.', 12));
    const ended = await finished(server, job.id);
    done.abort();
    assert.equal(ended.status, 'succeeded', ended.error?.message);
    for (const stall of await Promise.all(streams))
      assert.ok(stall < 1000, `a stream stalled for ${stall} ms`);

    const question = 'What did you see today?';
    const plain = await answer(server, question);
    const steered = await answer(server, question, { concept: 'winter' });
    assert.notEqual(steered, plain);
    assert.equal(await server.stop(), 0);
    server = await startServerProcess(data.directory);
    assert.equal(await answer(server, question, { concept: 'winter' }), steered);
  } finally {
    await server.kill();
    await data.clean();
  }
});

test('a cancelled fit stops, leaves no concept and lets the next one run', async () => {
  const data = await temporaryData();
  const server = await startServerProcess(data.directory);
  try {
    const job = await startFit(server, { name: 'slow', prefix: 'You love deserts.' });
    await pause(300);
    const { json } = await post(server, `/v1/fits/${job.id}/cancel`, '');
    assert.equal((json as Job).status, 'cancelled');
    assert.equal((await fetch(`${server.url}/v1/concepts/slow`)).status, 404);
    const next = await startFit(server, fitBody('quick', 'You love deserts.', 2));
    assert.equal((await finished(server, next.id)).status, 'succeeded');
  } finally {
    await server.kill();
    await data.clean();
  }
});

test('kill -9 during a fit loses no concept; truncated and tampered files are refused by name, the rest load', async () => {
  const data = await temporaryData();
  let server = await startServerProcess(data.directory);
  try {
    const names = ['first', 'second', 'third'];
    for (const [i, name] of names.entries()) {
      const job = await startFit(server, fitBody(name, `You love the number ${i} and cold weather.`, 2));
      assert.equal((await finished(server, job.id)).status, 'succeeded');
    }
    await startFit(server, fitBody('never', 'You are made of stone.'));
    await pause(400);
    await server.kill();

    server = await startServerProcess(data.directory);
    type List = { data: { name: string; version: string; source: string }[] };
    const list = (await get<List>(server, '/v1/concepts')).data.filter(({ source }) => source === 'data');
    assert.deepEqual(list.map(({ name }) => name).sort(), names);
    await server.stop();

    const folder = join(data.directory, 'concepts');
    const fileOf = async (name: string) => {
      for (const file of await readdir(folder)) {
        const bytes = await readFile(join(folder, file));
        if (bytes.includes(`"name\\":\\"${name}\\"`)) return { path: join(folder, file), bytes };
      }
      throw new Error(`no file for ${name}`);
    };
    const first = await fileOf('first');
    await truncate(first.path, first.bytes.length - 100);
    const second = await fileOf('second');
    second.bytes[second.bytes.length - 5000] = (second.bytes[second.bytes.length - 5000] ?? 0) ^ 1;
    await writeFile(second.path, second.bytes);

    server = await startServerProcess(data.directory);
    const left = (await get<List>(server, '/v1/concepts')).data.filter(({ source }) => source === 'data');
    assert.deepEqual(
      left.map(({ name }) => name),
      ['third'],
    );
    for (const [name, reason] of [
      ['first', /trunca|short|length|bytes/i],
      ['second', /tamper|hash|version/i],
    ] as const) {
      const line = server
        .log()
        .split('\n')
        .find((entry) => entry.includes(`"concept":"${name}"`));
      assert.match(line ?? `nothing logged about ${name}`, reason);
    }
    assert.notEqual(await answer(server, 'Hi', { concept: 'third' }), '');
  } finally {
    await server.kill();
    await data.clean();
  }
});
