/** Faults injected for real: what was acknowledged stays, other requests finish, and the server says what is wrong. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { createConcept } from '../../src/concepts/concept.js';
import { encodeConcept } from '../../src/concepts/concept-file.js';
import { readSettings } from '../../src/config.js';
import type { WorkerEngine } from '../../src/engine/client/worker-engine.js';
import { openServices } from '../../src/server/open-services.js';
import { startServer } from '../../src/server/server.js';
import { tinyChatModel, tinyModels } from '../commands/tiny-chat-model.js';
import { sampleConcept, temporaryFolder } from '../concepts/sample.js';
import { residentBytes } from '../helpers/resident-memory.js';
import { post } from './running-server.js';
import { put, startTiny, stream, tinyVectors } from './tiny-server.js';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(10);
}

/** Waits until the server has taken that many answers on: it works on them, or has begun more and may have ended some. */
const accepted = (url: string, count: number, streams: readonly { text(): string }[]) =>
  until(async () => {
    const { server_load } = (await (await fetch(`${url}/load`)).json()) as { server_load: number };
    return server_load >= count || streams.filter(({ text }) => text() !== '').length > count;
  });

const lastEvent = (text: string) => text.trimEnd().split('\n\n').at(-1) ?? '';

test('a worker killed in the middle of streams takes them down with an error, and nothing else', async (t) => {
  const settings = readSettings({
    PORT: '0',
    STEERD_DATA_DIR: await temporaryFolder(t),
    STEERD_MODELS_DIR: await tinyModels(t),
    STEERD_MODEL: tinyChatModel,
    STEERD_THREADS: '1',
  });
  const server = await startServer(settings, openServices, pino({ level: 'silent' }));
  t.after(() => server.stop());
  await server.services.loaded;
  const { url } = server;
  const acknowledged = (await put({ url }, 'kept', tinyVectors(1))).json.version;
  const answering = async () => (await fetch(`${url}/ready`)).status === 200;
  let ends: string[] = [];
  // On a busy machine the worker can have ended an answer before this thread has read its first token: then once more.
  for (let attempt = 0; attempt < 5 && (attempt === 0 || ends.includes('data: [DONE]')); attempt++) {
    await until(answering);
    const streams = [1, 2, 3].map(() => stream(url, 240));
    await until(() => streams.every(({ text }) => text().includes('"content"')));
    // What the registry holds is the engine itself: its thread dies as if it had crashed.
    for (const { model } of server.services.models.loaded())
      await (model.engine as WorkerEngine).worker.terminate();
    ends = (await Promise.all(streams.map(({ ended }) => ended))).map(lastEvent);
  }
  for (const end of ends) assert.match(end, /^data: \{"error":\{.*"code":"engine_failed"/);
  // Concepts do not need the model; it comes back by itself.
  assert.equal((await fetch(`${url}/health`)).status, 200);
  const concept = (await (await fetch(`${url}/v1/concepts/kept`)).json()) as { version: string };
  assert.equal(concept.version, acknowledged);
  await until(answering);
  const after = stream(url, 20, { concept: 'kept' });
  assert.equal(lastEvent(await after.ended), 'data: [DONE]');
  const { memory, ...load } = (await (await fetch(`${url}/load`)).json()) as {
    memory: Record<string, number>;
  };
  assert.ok(Object.values(memory).every((bytes) => bytes > 0));
  assert.deepEqual(load, { server_load: 0, running: 0, waiting: 0, slots: 16 });
});

test('model files that are damaged end the start with their reason, not with a crash', async (t) => {
  const damage: readonly [string, RegExp, (folder: string) => Promise<void>][] = [
    [
      'weights cut short',
      /model\.onnx|weights|data|length/i,
      (at) => truncate(join(at, 'model.onnx.data'), 1000),
    ],
    ['weights gone', /model\.onnx\.data has 0 bytes/, (at) => truncate(join(at, 'model.onnx.data'), 0)],
    [
      'graph cut short',
      /model\.onnx|protobuf|graph|premature/i,
      (at) => truncate(join(at, 'model.onnx'), 5000),
    ],
    ['graph empty', /model\.onnx|graph|empty/i, (at) => truncate(join(at, 'model.onnx'), 0)],
    [
      'graph random',
      /model\.onnx|protobuf|graph/i,
      (at) => writeFile(join(at, 'model.onnx'), Buffer.alloc(9000, 0xa7)),
    ],
    ['tokenizer no JSON', /tokenizer\.json/, (at) => writeFile(join(at, 'tokenizer.json'), '{"model": ')],
    ['tokenizer empty object', /tokenizer\.json/, (at) => writeFile(join(at, 'tokenizer.json'), '{}')],
  ];
  await Promise.all(
    damage.map(async ([what, reason, harm]) => {
      const models = await tinyModels(t);
      await harm(join(models, tinyChatModel));
      const child = spawn(process.execPath, [cli, 'serve', '--port', '0'], {
        env: {
          ...process.env,
          LOG_LEVEL: 'silent',
          STEERD_DATA_DIR: await temporaryFolder(t),
          STEERD_MODELS_DIR: models,
          STEERD_MODEL: tinyChatModel,
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const [code, signal] = await once(child, 'exit');
      assert.deepEqual([code, signal], [1, null], `${what}: ${said}`);
      assert.match(said, reason, what);
      assert.ok(!/^\s+at /m.test(said), `${what}: a stack is no message: ${said}`);
    }),
  );
});

/** A file system of that many kilobytes for one process: needs Linux and leave to mount. */
const onSmallDisk = (folder: string) =>
  ['-m', 'sh', '-c', `mount -t tmpfs -o size=96k tmpfs "${folder}" && exec "$@"`, 'sh'] as const;

test('a full disk: the write is refused, what was stored stays, and there is room again after a delete', async (t) => {
  const folder = await temporaryFolder(t);
  if (spawnSync('unshare', [...onSmallDisk(folder), 'true']).status !== 0) {
    t.skip('needs Linux and leave to mount a small file system');
    return;
  }
  const modelsDirectory = await tinyModels(t);
  const child = spawn('unshare', [...onSmallDisk(folder), process.execPath, cli, 'serve', '--port', '0'], {
    env: {
      ...process.env,
      LOG_LEVEL: 'warn',
      STEERD_DATA_DIR: folder,
      STEERD_MODELS_DIR: modelsDirectory,
      STEERD_MODEL: tinyChatModel,
      STEERD_THREADS: '1',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until(() => said.includes('ready'));
  const url = /listens on (http\S+?);/.exec(said)?.[1] ?? '';
  const beside = stream(url, 240);
  const stored = new Map<string, string>();
  let refusal: Awaited<ReturnType<typeof put>> | undefined;
  for (let i = 0; refusal === undefined; i++) {
    const reply = await put({ url }, `concept ${i}`, tinyVectors(i));
    if (reply.status === 200) stored.set(`concept ${i}`, reply.json.version ?? '');
    else refusal = reply;
  }
  assert.ok(stored.size > 5, `only ${stored.size} fitted`);
  assert.deepEqual([refusal.status, refusal.json.error?.code], [507, 'storage_failed']);
  assert.match(refusal.json.error?.message ?? '', /ENOSPC|no space/i);
  // Replacing needs room as well, and fails without harm.
  assert.equal((await put({ url }, 'concept 0', tinyVectors(99))).status, 507);
  const versions = async () => {
    const list = (await (await fetch(`${url}/v1/concepts?model=tiny`)).json()) as {
      data: { name: string; version: string }[];
    };
    return new Map(list.data.map(({ name, version }) => [name, version]));
  };
  assert.deepEqual(await versions(), new Map([...stored].sort()));
  assert.equal((await fetch(`${url}/v1/concepts/concept%201`, { method: 'DELETE' })).status, 200);
  assert.equal((await put({ url }, 'concept 0', tinyVectors(99))).status, 200);
  const steered = stream(url, 10, { concept: 'concept 2' });
  assert.equal(lastEvent(await steered.ended), 'data: [DONE]');
  assert.equal(lastEvent(await beside.ended), 'data: [DONE]');
});

test('SIGTERM under load: streams that run finish, nobody new gets in, the exit is clean', async (t) => {
  // Few slots: the first streams have not ended when the last ones come.
  const server = await startTiny(t, { STEERD_SLOTS: '4' });
  const streams = Array.from({ length: 24 }, () => stream(server.url, 240));
  await accepted(server.url, 20, streams);
  const exit = once(server.child, 'exit');
  server.child.kill('SIGTERM');
  const ends = await Promise.all(streams.map(async ({ ended }) => lastEvent(await ended)));
  // A connection that still waited to be accepted is reset: it got no answer, not a part of one.
  assert.ok(
    ends.every((end) => end === 'data: [DONE]' || end === ''),
    JSON.stringify(ends),
  );
  assert.ok(ends.filter((end) => end === '').length <= 4);
  assert.deepEqual(await exit, [0, null]);
  await assert.rejects(fetch(`${server.url}/health`));
});

test('SIGTERM with streams that take too long: they are told, and the server ends in time', async (t) => {
  const server = await startTiny(t, { STEERD_SHUTDOWN_SECONDS: '1', STEERD_SLOTS: '1' });
  const streams = Array.from({ length: 200 }, () => stream(server.url, 240));
  await accepted(server.url, 100, streams);
  const exit = once(server.child, 'exit');
  const started = performance.now();
  server.child.kill('SIGTERM');
  const ends = await Promise.all(streams.map(async ({ ended }) => lastEvent(await ended)));
  assert.deepEqual(await exit, [0, null]);
  assert.ok(performance.now() - started < 10_000);
  for (const end of ends.filter(Boolean))
    assert.match(end, /^(data: )?(\[DONE\]$|\{"error":\{.*"code":"server_stopping")/);
  assert.ok(ends.some((end) => end.includes('server_stopping')));
});

test('a clock that jumps hours back and forth changes nothing but the time of day', async (t) => {
  const folder = await temporaryFolder(t);
  const jumps = join(folder, 'jumps.mjs');
  // Every reading of the wall clock in the process is another hour, forwards or backwards.
  await writeFile(
    jumps,
    `const real = Date.now; let reading = 0;
     const jumped = () => real() + (++reading % 5 - 2) * 3600_000;
     globalThis.Date = class extends Date { constructor(...args) { super(...(args.length ? args : [jumped()])); } static now() { return jumped(); } };`,
  );
  const data = await temporaryFolder(t);
  const server = await startTiny(
    t,
    { NODE_OPTIONS: `--import=${jumps}`, STEERD_REQUEST_SECONDS: '60', STEERD_READER_SECONDS: '60' },
    data,
  );
  const streams = [1, 2, 3, 4].map(() => stream(server.url, 200));
  assert.equal((await put(server, 'kept', tinyVectors(1))).status, 200);
  for (const { ended } of streams) assert.equal(lastEvent(await ended), 'data: [DONE]');
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  for (const name of [
    'time_to_first_token_seconds',
    'e2e_request_latency_seconds',
    'inter_token_latency_seconds',
  ]) {
    const sum = Number(new RegExp(`^steerd_${name}_sum(?:\\{\\S*\\})? (\\S+)$`, 'm').exec(metrics)?.[1]);
    assert.ok(sum >= 0 && sum < 600, `${name}: ${sum} s`);
  }
  assert.equal(await server.stop(), 0);
  const again = await startTiny(t, {}, data);
  assert.equal((await fetch(`${again.url}/v1/concepts/kept`)).status, 200);
});

test('twenty writes of one name at once: each is whole, the last one acknowledged stays over a restart', async (t) => {
  const data = await temporaryFolder(t);
  const server = await startTiny(t, {}, data);
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, i) => put(server, 'same', tinyVectors(i))),
  );
  assert.ok(replies.every(({ status }) => status === 200));
  assert.equal(new Set(replies.map(({ json }) => json.version)).size, 20);
  const versionAt = async (url: string) =>
    ((await (await fetch(`${url}/v1/concepts/same`)).json()) as { version: string }).version;
  const version = await versionAt(server.url);
  assert.ok(replies.some(({ json }) => json.version === version));
  await server.kill();
  const again = await startTiny(t, {}, data);
  assert.equal(await versionAt(again.url), version);
});

test('two fits of the same name at once: both end, and the concept is whole and one of theirs', async (t) => {
  const server = await startTiny(t);
  const questions = ['What do you like?', 'How was your day?'];
  const bodies = ['You love snow.', 'You love deserts.'].map((prefix) => ({
    name: 'same',
    prefix,
    recipe: 'responses',
    calibrate: false,
    statements: { positive: questions, negative: questions },
    max_tokens: 8,
  }));
  const jobs = await Promise.all(bodies.map((body) => post(server, '/v1/fits', body)));
  const ended = await Promise.all(
    jobs.map(async ({ status, json }) => {
      assert.equal(status, 200, JSON.stringify(json));
      const { id } = json as { id: string };
      for (;;) {
        const job = (await (await fetch(`${server.url}/v1/fits/${id}`)).json()) as {
          status: string;
          error: { message: string } | null;
          concept: { version: string } | null;
        };
        if (!['queued', 'running'].includes(job.status)) return job;
        await pause(50);
      }
    }),
  );
  for (const { status, error } of ended) assert.equal(status, 'succeeded', error?.message);
  const concept = (await (await fetch(`${server.url}/v1/concepts/same`)).json()) as { version: string };
  assert.ok(ended.some((job) => job.concept?.version === concept.version));
  const steered = stream(server.url, 10, { concept: 'same' });
  assert.equal(lastEvent(await steered.ended), 'data: [DONE]');
});

/** MANY_CONCEPTS=10000 makes that many: writing them takes longest. */
const manyConcepts = Number(process.env.MANY_CONCEPTS ?? 2500);

test('thousands of concepts: the server starts, lists by pages, steers by any of them', async (t) => {
  const count = manyConcepts;
  const data = await temporaryFolder(t);
  const folder = join(data, 'concepts');
  await mkdir(folder);
  const names = Array.from({ length: count }, (_, i) => `concept ${String(i).padStart(5, '0')}`);
  const first = await startTiny(t, {}, data);
  const { fingerprint } = (await (await fetch(`${first.url}/v1/models/tiny`)).json()) as {
    fingerprint: string;
  };
  const bare = await residentBytes(first.url);
  await first.stop();
  for (const [i, name] of names.entries()) {
    const { version: _, ...fields } = sampleConcept(name, { seed: i, layers: 4, hiddenSize: 64 });
    const bytes = encodeConcept(createConcept({ ...fields, modelFingerprint: fingerprint }));
    const file = createHash('sha256').update(`tiny\0${name}`).digest('hex').slice(0, 32);
    await writeFile(join(folder, `${file}.safetensors`), bytes);
  }
  const started = performance.now();
  const server = await startTiny(t, { STEERD_MODELS_DIR: first.modelsDirectory }, data);
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds < 30, `started in ${seconds} s`);
  const each = ((await residentBytes(server.url)) - bare) / count;
  assert.ok(each < 40_000, `${Math.round(each)} bytes of memory a concept`);

  const seen: string[] = [];
  for (let after = ''; ; ) {
    const began = performance.now();
    const page = (await (
      await fetch(
        `${server.url}/v1/concepts?model=tiny&limit=1000${after && `&after=${encodeURIComponent(after)}`}`,
      )
    ).json()) as { data: { name: string }[]; has_more: boolean };
    assert.ok(performance.now() - began < 5000);
    seen.push(...page.data.map(({ name }) => name));
    if (!page.has_more) break;
    after = seen.at(-1) ?? '';
  }
  assert.deepEqual(seen, names);
  for (const name of [names[0], names[count >> 1], names.at(-1)]) {
    const steered = stream(server.url, 5, { concept: name });
    assert.equal(lastEvent(await steered.ended), 'data: [DONE]');
  }
  const missing = await post(server, '/v1/chat/completions', {
    messages: [{ role: 'user', content: 'x' }],
    concept: 'no',
  });
  assert.equal(missing.status, 404);
  assert.ok(JSON.stringify(missing.json).length < 1500, 'an error does not list them all');
  assert.equal((await readdir(folder)).length, count);
});
