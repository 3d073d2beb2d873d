/** `steerd pull` and `steerd models` as processes: killed, interrupted, on a disk that is full; and served in the end. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../concepts/sample.js';
import { hubModel } from '../helpers/hub-model.js';
import { type StubHub, startStubHub } from '../helpers/stub-hub.js';
import { startServerProcess } from './running-server.js';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const weights = 'onnx/model.onnx.data';

interface Run {
  readonly child: ChildProcess;
  /** Resolves when it has ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; out: string; err: string }>;
}

function steerd(
  args: readonly string[],
  environment: Record<string, string>,
  wrap: readonly string[] = [],
): Run {
  const [command, ...rest] = [...wrap, process.execPath, cli, ...args] as [string, ...string[]];
  const child = spawn(command, rest, { env: { ...process.env, ...environment } });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...said }));
  return { child, ended };
}

const environmentOf = (stub: StubHub, modelsDirectory: string) => ({
  HF_ENDPOINT: stub.endpoint,
  HF_TOKEN: 'hf_secret',
  STEERD_MODELS_DIR: modelsDirectory,
});

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(5);
}

test('pulled over the command line after three kills, verified, served, removed', async (t) => {
  const stub = await startStubHub(t, {
    files: await hubModel('onnx'),
    token: 'hf_secret',
    // About two seconds for the weights: time enough to be killed in.
    fault: (path) => (path === weights ? { speed: 400_000 } : undefined),
  });
  const models = await temporaryFolder(t);
  const environment = environmentOf(stub, models);
  const sizeOfPart = async () => {
    const [staging] = await readdir(join(models, '.pull')).then((names) =>
      names.filter((name) => name.includes('@')),
    );
    const part = join(models, '.pull', staging ?? '', 'model.onnx.data.part');
    return stat(part).then(
      ({ size }) => size,
      () => 0,
    );
  };
  let had = 0;
  for (const signal of ['SIGKILL', 'SIGINT', 'SIGKILL'] as const) {
    const { child, ended } = steerd(['pull', 'tester/tiny'], environment);
    await until(async () => child.exitCode !== null || (await sizeOfPart().catch(() => 0)) > had + 60_000);
    child.kill(signal);
    const end = await ended;
    if (signal === 'SIGINT') {
      assert.equal(end.code, 130, end.err);
      assert.match(end.err, /stopped; the same command goes on/);
    } else assert.equal(end.signal, 'SIGKILL', end.err);
    had = await sizeOfPart();
    assert.ok(had > 0);
    assert.deepEqual(await readdir(models), ['.pull']);
  }
  // What lies there half-made is nothing that a server would load.
  const list = await steerd(['models', 'list'], environment).ended;
  assert.match(list.out, /^tiny .*unfinished/m);
  const early = await steerd(['serve', '--port', '0', '--model', 'tiny'], {
    ...environment,
    LOG_LEVEL: 'silent',
  }).ended;
  assert.equal(early.code, 2);
  assert.match(early.err, /model "tiny" does not exist; this server has: smollm2-135m-instruct/);

  const pulled = await steerd(['pull', 'tester/tiny@main'], environment).ended;
  assert.equal(pulled.code, 0, pulled.err);
  assert.match(pulled.err, /onnx\/model\.onnx/);
  assert.match(pulled.out, /^pulled tiny \(tester\/tiny@[0-9a-f]{12}, [\d.]+ kB\) in /);
  const asked = stub.asked(weights);
  assert.deepEqual(
    asked.map(({ range }) => range !== undefined),
    [false, true, true, true],
  );
  assert.ok(!JSON.stringify(pulled).includes('hf_secret'));

  const verified = await steerd(['models', 'verify', 'tiny'], environment).ended;
  assert.deepEqual([verified.code, verified.out], [0, 'tiny: right\n']);
  const server = await startServerProcess(await temporaryFolder(t), {
    STEERD_MODELS_DIR: models,
    STEERD_MODEL: 'tiny',
    STEERD_THREADS: '1',
  });
  t.after(() => server.kill());
  const reply = await server.client.chat.completions.create({
    model: 'tiny',
    messages: [{ role: 'user', content: 'Hi' }],
    max_tokens: 5,
    temperature: 0,
  });
  assert.equal(reply.usage?.completion_tokens, 5);
  await server.kill();

  await writeFile(join(models, 'tiny', 'tokenizer.json'), '{}');
  const wrong = await steerd(['models', 'verify', '--json'], environment).ended;
  assert.equal(wrong.code, 1);
  assert.equal((JSON.parse(wrong.out) as { data: { state: string }[] }).data[0]?.state, 'wrong');
  const removed = await steerd(['models', 'remove', 'tiny'], environment).ended;
  assert.equal(removed.code, 0, removed.err);
  const visible = (await readdir(models)).filter((name) => !name.startsWith('.'));
  assert.deepEqual(visible, []);
});

/** A file system of so many kilobytes for one process, which stays as long as the process does. */
const onSmallDisk = (folder: string, kilobytes: number, command: string) =>
  [
    'unshare',
    '-m',
    'sh',
    '-c',
    `mount -t tmpfs -o size=${kilobytes}k tmpfs "${folder}" && ${command}`,
    'sh',
  ] as const;

test('a disk that fills up: nothing loads, and with room the pull goes on', async (t) => {
  const models = await temporaryFolder(t);
  const plain = onSmallDisk(models, 100, 'exec "$@"');
  if (spawnSync(plain[0], [...plain.slice(1), 'true']).status !== 0) {
    t.skip('needs Linux and leave to mount a small file system');
    return;
  }
  const stub = await startStubHub(t, {
    files: await hubModel('onnx'),
    fault: (path) => (path === weights ? { speed: 600_000 } : undefined),
  });
  const environment = environmentOf(stub, models);
  const early = await steerd(['pull', 'tester/tiny'], environment, plain).ended;
  assert.equal(early.code, 2);
  assert.match(early.err, /has \d+\.\d kB free, and 1\.\d+ MB more are needed.*STEERD_MODELS_DIR/);
  assert.equal(stub.asked(weights).length, 0);

  // Enough at the beginning, but others write too: the pull fails, is continued once there is room, and is right.
  const story = `
    ( sleep 0.1; while [ ! -s ${models}/.pull/*/model.onnx.data.part ]; do sleep 0.05; done
      head -c 2000000 /dev/zero > ${models}/other ) 2>/dev/null &
    "$@" pull tester/tiny; echo "first $?"
    wait
    ls ${models}
    "$@" models list
    "$@" pull tester/tiny --name another; echo "full $?"
    ls -A ${models}/.pull
    rm ${models}/other
    "$@" pull tester/tiny; echo "second $?"
    "$@" models verify tiny`;
  const [command, ...rest] = [...onSmallDisk(models, 1300, story), process.execPath, cli];
  const told = await new Promise<string>((resolve) => {
    const child = spawn(command as string, rest, { env: { ...process.env, ...environment } });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
    }
    child.on('close', () => resolve(text));
  });
  assert.match(told, /filled up \(0 bytes free\)/, told);
  assert.match(told, /first 1\nother\n/, told);
  assert.match(told, /tiny .*unfinished/, told);
  assert.match(told, /full 1\ntiny@\S+\nlooking up/, told);
  assert.match(told, /second 0/, told);
  assert.match(told, /tiny: right/, told);
});
