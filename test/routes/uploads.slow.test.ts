/** Checkpoints that are uploaded: a GGUF as the body, a folder's files as a form; what is refused, and that nothing is left of it. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { packageRoot } from '../../src/common/package.js';
import type { Builder } from '../../src/models/import/builder.js';
import { ImportJobs } from '../../src/models/import/import-jobs.js';
import type { UploadSettings } from '../../src/models/import/uploads.js';
import { ImportJob } from '../../src/schemas/imports.js';
import { temporaryFolder } from '../concepts/sample.js';
import { build } from '../helpers/app.js';
import { quick } from '../models/import/quick-builder.js';

const fixtures = join(packageRoot, 'test/fixtures/checkpoints');
const gguf = join(fixtures, 'llama-q8_0.gguf');

interface Options {
  readonly uploads?: Partial<UploadSettings> | null;
  readonly builder?: Builder;
}

async function setup(t: TestContext, { uploads = {}, builder = quick }: Options = {}) {
  const place = await temporaryFolder(t);
  const bounds = uploads === null ? {} : { uploads: { most: 2 ** 22, seconds: 60, ...uploads } };
  const imports = new ImportJobs({ builder, places: [place], ...bounds });
  const { app } = await build(t, { imports, settings: { bodySeconds: 1 } });
  t.after(() => imports.close());
  const send = async (payload: Buffer, query: string, type?: string, method: 'PUT' | 'POST' = 'PUT') => {
    const headers = type === undefined ? {} : { 'content-type': type };
    const reply = await app.inject({ method, url: `/v1/models/import${query}`, payload, headers });
    return { status: reply.statusCode, body: reply.json() };
  };
  const refused = async (...sent: Parameters<typeof send>) => {
    const { status, body } = await send(...sent);
    assert.deepEqual(await readdir(place), [], 'something is left');
    return [status, body.error.code, body.error.message];
  };
  const ended = async (id: string) => {
    for (;;) {
      const job = ImportJob.parse((await app.inject(`/v1/models/imports/${id}`)).json());
      if (job.finished_at !== null) return job;
      await pause(5);
    }
  };
  return { app, imports, place, send, refused, ended };
}

const boundary = 'steerd-test';
const formType = `multipart/form-data; boundary=${boundary}`;

interface Part {
  readonly field?: string;
  readonly file?: string;
  readonly data: Buffer | string;
}

const form = (parts: readonly Part[], end = `--${boundary}--\r\n`): Buffer =>
  Buffer.concat([
    ...parts.flatMap(({ field = 'files', file, data }) => [
      Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="${field}"${file === undefined ? '' : `; filename="${file}"`}\r\n\r\n`,
      ),
      Buffer.from(data),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(end),
  ]);

const folderParts = async (folder: string): Promise<Part[]> =>
  Promise.all(
    (await readdir(join(fixtures, folder)))
      .filter((file) => !file.startsWith('golden'))
      .map(async (file) => ({ file, data: await readFile(join(fixtures, folder, file)) })),
  );

test('a GGUF as the body, by PUT without a type and by POST, and a folder as a form become models', async (t) => {
  const { send, ended, place } = await setup(t);
  const bytes = await readFile(gguf);
  const ways: Parameters<typeof send>[] = [
    [bytes, '?name=put'],
    [bytes, '?name=post&precision=int4', 'application/octet-stream', 'POST'],
    [
      form([...(await folderParts('qwen2')), { field: 'name', data: 'form' }]),
      '?precision=fp32',
      formType,
      'POST',
    ],
    [form([{ file: 'split.gguf', data: bytes }]), '', formType],
  ];
  const jobs: ImportJob[] = [];
  for (const way of ways) {
    const { status, body } = await send(...way);
    assert.equal(status, 202, JSON.stringify(body));
    const job = await ended(ImportJob.parse(body).id);
    assert.deepEqual([job.status, job.error, job.uploaded], ['succeeded', null, true]);
    jobs.push(job);
  }
  assert.deepEqual(
    jobs.map(({ name, precision, architecture, path }) => [name, precision, architecture, path]),
    [
      ['put', 'int8', 'llama', 'put.gguf'],
      ['post', 'int4', 'llama', 'post.gguf'],
      ['form', 'fp32', 'qwen2', 'model.safetensors'],
      ['split', 'int8', 'llama', 'split.gguf'],
    ],
  );
  assert.deepEqual((await readdir(place)).sort(), ['form', 'post', 'put', 'split']);
});

test('what is refused, and that nothing is left of it', async (t) => {
  const off = await setup(t, { uploads: null });
  const bytes = await readFile(gguf);
  assert.deepEqual((await off.refused(bytes, '?name=x')).slice(0, 2), [403, 'uploads_off']);

  const { refused, send, ended, place } = await setup(t);
  const cases: [RegExp, number, ...Parameters<typeof send>][] = [
    [/^name must be given/, 400, bytes, ''],
    [/^name must be a folder name/, 400, bytes, '?name=..'],
    [/at most 4194304 bytes \(STEERD_UPLOAD_LIMIT\)/, 413, Buffer.alloc(2 ** 22 + 1), '?name=x'],
    [/it is empty/, 400, Buffer.alloc(0), '?name=x'],
    [/it is a zip archive/, 400, Buffer.from('PK\u0003\u0004 and more'), '?name=x'],
    [/its content-type is JSON/, 400, Buffer.from('{}'), '?name=x', 'application/json'],
    [/precision must be one of/, 400, bytes, '?name=x&precision=int3'],
    [/it is no form/, 400, form([]), '?name=x', 'multipart/form-data'],
    [/it is no form/, 400, form([{ file: 'a.gguf', data: bytes }], ''), '?name=x', formType],
    [/neither a .gguf nor a .safetensors/, 400, form([{ file: 'a.json', data: '{}' }]), '?name=x', formType],
    [/name must be given/, 400, form([{ file: 'a.safetensors', data: '' }]), '', formType],
    [
      /has no field "path"/,
      400,
      form([
        { file: 'a.gguf', data: '' },
        { field: 'path', data: '/' },
      ]),
      '',
      formType,
    ],
    [/"name" is there twice/, 400, form([1, 2].map(() => ({ field: 'name', data: 'x' }))), '', formType],
    [/more than 1024 bytes/, 400, form([{ field: 'name', data: 'x'.repeat(2000) }]), '', formType],
    ...['../a.gguf', 'a/b.gguf', '..\\\\a.gguf', '.hidden', 'C:a.gguf', '', '/etc/passwd'].map(
      (file): [RegExp, number, ...Parameters<typeof send>] => [
        /the name of a file|file without a name/,
        400,
        form([{ file, data: 'x' }]),
        '?name=x',
        formType,
      ],
    ),
    [
      /"A.JSON" is there twice/,
      400,
      form(['a.json', 'A.JSON'].map((file) => ({ file, data: 'x' }))),
      '',
      formType,
    ],
    [
      /more than 512 files/,
      400,
      form(Array.from({ length: 30_000 }, (_, i) => ({ file: `${i}`, data: '' }))),
      '',
      formType,
    ],
    [
      /more than 8 fields/,
      400,
      form(Array.from({ length: 30_000 }, (_, i) => ({ field: `${i}`, data: '' }))),
      '',
      formType,
    ],
  ];
  for (const [message, status, ...sent] of cases) {
    const told = await refused(...sent);
    assert.equal(told[0], status, `${message}: ${told}`);
    assert.match(told[2], message);
  }
  // A checkpoint that is none is found by its job.
  const { body } = await send(Buffer.from('GGUF and nothing more'), '?name=x');
  const { error } = await ended(body.id);
  assert.equal(error?.code, 'checkpoint_invalid');
  assert.match(error?.message ?? '', /^"x\.gguf" cannot be read/);
  assert.deepEqual(await readdir(place), []);
});

test('a name that is taken is refused before anything has come, and a cancelled job leaves nothing', async (t) => {
  const waiting: Builder = {
    ...quick,
    async build({ signal }) {
      while (!signal.aborted) await pause(2);
      throw signal.reason;
    },
  };
  const { app, send, ended, place } = await setup(t, { builder: waiting });
  const bytes = await readFile(gguf);
  const first = ImportJob.parse((await send(bytes, '?name=one')).body);
  const again = await send(bytes, '?name=one');
  assert.deepEqual([again.status, again.body.error.code], [409, 'pull_running']);
  const second = ImportJob.parse((await send(bytes, '?name=two')).body);
  assert.equal((await readdir(join(place, '.pull'))).filter((name) => name.startsWith('upload-')).length, 2);
  for (const { id } of [second, first]) {
    await app.inject({ method: 'DELETE', url: `/v1/models/imports/${id}` });
    assert.equal((await ended(id)).status, 'cancelled');
  }
  for (let tries = 0; tries < 100 && (await readdir(place)).length > 0; tries++) await pause(5);
  assert.deepEqual(await readdir(place), []);
  await mkdir(join(place, 'mine'));
  const taken = await send(Buffer.from('nothing'), '?name=mine');
  assert.deepEqual([taken.status, taken.body.error.code], [409, 'model_exists']);
});

test('an upload may take longer than a body, must move, and leaves nothing when its sender goes', async (t) => {
  const { app, imports, place, ended } = await setup(t, { uploads: { seconds: 1 } });
  await app.listen({ port: 0 });
  const address = app.server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const bytes = await readFile(gguf);
  const begin = (length: number, name: string) => {
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.write(
      `PUT /v1/models/import?name=${name} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${length}\r\n\r\nGGUF`,
    );
    return socket;
  };
  const replyOf = async (socket: ReturnType<typeof connect>) => {
    let text = '';
    for await (const piece of socket) {
      text += piece;
      if (/\r\n\r\n.*\}$/s.test(text)) break;
    }
    return text;
  };

  const silent = replyOf(begin(1000, 'silent'));
  const moving = begin(bytes.length, 'slow');
  const reply = replyOf(moving);
  // Five quarters of the time that other bodies have.
  const piece = Math.ceil(bytes.length / 10);
  for (let at = 4; at < bytes.length; at += piece) {
    moving.write(bytes.subarray(at, at + piece));
    await pause(150);
  }
  const told = await reply;
  assert.match(told, /^HTTP\/1.1 202/);
  assert.equal((await ended(JSON.parse(told.slice(told.indexOf('{'))).id)).status, 'succeeded');
  assert.match(await silent, /^HTTP\/1.1 408.*65536 bytes a second/s);

  const going = begin(bytes.length, 'going');
  const left = () => (readdirSync(place).includes('.pull') ? readdirSync(join(place, '.pull')) : []);
  while (left().length < 2) await pause(5);
  going.destroy();
  while (left().length > 0) await pause(5);
  assert.deepEqual(await readdir(place), ['slow']);

  const last = replyOf(begin(bytes.length, 'last'));
  while (left().length < 2) await pause(5);
  await imports.close();
  assert.match(await last, /^HTTP\/1.1 503/);
  assert.deepEqual(left(), []);
});

test('what a killed server left of uploads goes with the next one, but not what an import may still need', async (t) => {
  const { send, ended, place } = await setup(t);
  const pulls = join(place, '.pull');
  for (const name of ['receiving-import-1', 'upload-import-2', 'upload-import-3', 'other@key'])
    await mkdir(join(pulls, name), { recursive: true });
  await writeFile(join(pulls, 'receiving-import-1', 'x.gguf'), 'GGUF');
  const longAgo = new Date(Date.now() - 25 * 3600 * 1000);
  await utimes(join(pulls, 'upload-import-2'), longAgo, longAgo);
  const { body } = await send(await readFile(gguf), '?name=x');
  await ended(body.id);
  assert.deepEqual((await readdir(pulls)).sort(), ['other@key', 'upload-import-3']);
});
