/** The commands that speak the API, before a tiny server and without one: what they say, as text and as JSON, and how they end. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { addKey } from '../../src/access/key-store.js';
import type { MadeKey } from '../../src/schemas/keys.js';
import { put, startTiny, tinyVectors } from '../e2e/tiny-server.js';
import { cli, steerd } from '../helpers/steerd-command.js';
import { pullSetup } from '../models/pull/pull-helpers.js';
import { temporaryFolder, tinyChatModel } from './tiny-chat-model.js';

/** Whatever moves a cursor, colours or rings; line breaks are none. */
const controls = /[^\P{Cc}\n]/u;

describe('commands that speak the API', () => {
  test('before a server and without: the same words, JSON that parses, no control characters, telling exit codes', async (t) => {
    const data = await temporaryFolder(t);
    const server = await startTiny(t, {}, data);
    for (const name of ['Sea', 'Hill'])
      assert.equal((await put(server, name, tinyVectors(name.length))).status, 200);
    const own = {
      STEERD_MODEL: tinyChatModel,
      STEERD_MODELS_DIR: server.modelsDirectory,
      STEERD_THREADS: '1',
      STEERD_DATA_DIR: data,
    };
    const away = { ...own, STEERD_PORT: '1' };
    const near = { ...own, STEERD_PORT: new URL(server.url).port };

    const list = await steerd(['concepts', 'list', '--json'], near);
    // The embedded model's concepts are listed beside them.
    const names = (text: string) =>
      (JSON.parse(text) as { data: { name: string; model: string }[] }).data
        .filter(({ model }) => model === tinyChatModel)
        .map(({ name }) => name);
    assert.deepEqual(names(list.out), ['Hill', 'Sea']);
    assert.deepEqual(names((await steerd(['concepts', 'list', '--json'], away)).out), ['Hill', 'Sea']);

    const barred = await steerd(['concepts', 'rm', 'Sea'], away);
    assert.equal(barred.code, 2, barred.err);
    assert.match(barred.err, /no other server uses/);

    const ask = ['complete', 'Hi', '-c', 'Sea:2', '--temperature', '0', '--max-tokens', '8'];
    const [asked, alone] = [await steerd(ask, near), await steerd([...ask, '--local'], near)];
    assert.deepEqual([asked.code, alone.code], [0, 0], asked.err + alone.err);
    assert.equal(asked.out, alone.out);
    assert.doesNotMatch(asked.out, controls);

    // A model that is named is meant, and not the server's default one.
    for (const args of [
      ['complete', 'Hi'],
      ['chat'],
      ['score', 'Hi', '-c', 'Sea'],
      ['sweep', 'Hi', '-c', 'Sea'],
    ]) {
      const other = await steerd([...args, '--model', 'nobody'], near, 'Hi\n');
      assert.equal(other.code, 2, `${args[0]}: ${other.out}`);
      assert.match(other.err, /nobody/);
    }

    const chat = await steerd(
      ['chat', '--json', '-c', 'Sea'],
      near,
      '/strength 0.5\nHi\n/concept none\n/quit\nnever asked\n',
    );
    // A line for each answer, and nothing else.
    const told = JSON.parse(chat.out) as {
      messages: { role: string }[];
      steering: object[];
    };
    assert.deepEqual(
      told.messages.map(({ role }) => role),
      ['user', 'assistant'],
    );
    assert.deepEqual(told.steering, [{ concept: 'Sea', strength: 0.5 }]);

    const file = join(data, 'out', 'sea.gguf');
    assert.equal((await steerd(['concepts', 'export', 'Sea', '--out', file], near)).code, 0);
    const piped = await steerd(['concepts', 'export', 'Sea', '--format', 'json', '--out', '-'], near);
    assert.equal(JSON.parse(piped.out).name, 'Sea');
    await access(file);
    assert.equal((await steerd(['concepts', 'import', 'Lake', file], near)).code, 0);
    const shown = await steerd(['concepts', 'show', 'Lake'], near);
    assert.match(shown.out, /^Lake\n {2}model +tiny\n/);
    assert.doesNotMatch(shown.out, controls);
    assert.equal((await steerd(['concepts', 'rm', 'Lake'], near)).code, 0);

    const missing = await steerd(['concepts', 'show', 'Lake'], near);
    assert.deepEqual([missing.code, missing.out], [2, '']);
    assert.match(missing.err, /"Lake" does not exist.*Hill, Sea/);
    const nobody = await steerd(['concepts', 'list', '--server', 'http://127.0.0.1:2'], near);
    assert.equal(nobody.code, 3);
    assert.match(nobody.err, /no server answers at http:\/\/127\.0\.0\.1:2 \(ECONNREFUSED\)/);
    const echoed = await steerd(['complete', 'Hi', '-c', 'Sea', '-s', 'much'], near);
    assert.deepEqual([echoed.code, echoed.err], [2, '--strength must be a number; received "much".\n']);

    const doctor = JSON.parse((await steerd(['doctor', '--json'], near)).out) as {
      findings: { check: string; state: string; found: string; todo: string | null }[];
    };
    for (const { check, state, todo } of doctor.findings)
      assert.ok(state === 'right' ? todo === null : todo, `${check} is ${state}`);
    assert.match(
      doctor.findings.find(({ check }) => check === 'port')?.found ?? '',
      /a steerd server answers/,
    );
    const bad = await steerd(['doctor'], { ...near, STEERD_MODEL: 'nobody', STEERD_DATA_DIR: file });
    assert.equal(bad.code, 1);
    assert.match(bad.out, /wrong model +there is no nobody .*it has tiny\n.*-> set STEERD_MODEL/);
    assert.match(bad.out, /wrong data directory +.*sea\.gguf is a file/);
  });

  test('a server pulls, loads and unloads models and makes keys for whoever has an admin key', async (t) => {
    const data = await temporaryFolder(t);
    const { stub } = await pullSetup(t);
    const { secret } = await addKey(data, { name: 'boss', scopes: ['admin'] });
    const server = await startTiny(t, { HF_ENDPOINT: stub.endpoint }, data);
    const near = { STEERD_PORT: new URL(server.url).port, STEERD_API_KEY: secret };
    const run = async (...args: string[]) => {
      const { code, out, err } = await steerd(args, near);
      assert.equal(code, 0, `${args.join(' ')}: ${err}`);
      return out;
    };
    const pulled = await run('pull', 'tester/tiny', '--name', 'other');
    assert.equal(pulled, `pulled other (tester/tiny@${stub.commit.slice(0, 12)}) on ${server.url}\n`);
    assert.match(await run('models', 'list'), /^NAME +STATE .*\n(.*\n)*other +unloaded /);
    assert.equal(await run('models', 'load', 'other'), 'other is ready\n');
    assert.equal(await run('models', 'unload', 'other'), 'other is unloaded\n');
    const none = await steerd(['pull', 'tester/none'], near);
    assert.deepEqual([none.code, none.out], [1, '']);

    const there = ['--server', server.url];
    const made = JSON.parse(await run('keys', 'add', 'bot', '--streams', '2', '--json', ...there)) as MadeKey;
    assert.deepEqual([made.scopes, made.concurrent_streams], [['completions'], 2]);
    assert.match(await run('keys', 'list', ...there), new RegExp(`${made.id} +"bot"`));
    const barred = await steerd(['models', 'load', 'other'], { ...near, STEERD_API_KEY: made.secret });
    assert.equal(barred.code, 3);
    assert.match(barred.err, /needs an API key with scope admin/);
    assert.equal(await run('keys', 'revoke', made.id, ...there), `${made.id} is revoked\n`);
  });

  test('Ctrl-C while a fit runs on the server cancels it there', async (t) => {
    const server = await startTiny(t);
    const child = execFile(process.execPath, [
      ...[cli, 'fit', 'Sea', '--prefix', 'You love the sea.', '--server', server.url],
    ]);
    const ended = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
    type Jobs = { data: { status: string }[] };
    const jobs = async () => ((await (await fetch(`${server.url}/v1/fits`)).json()) as Jobs).data;
    while ((await jobs())[0]?.status !== 'running') await new Promise((done) => setTimeout(done, 20));
    child.kill('SIGINT');
    assert.equal(await ended, 130);
    assert.deepEqual(
      (await jobs()).map(({ status }) => status),
      ['cancelled'],
    );
  });
});
