/** Pulls from a hub that fails in every way a network and a disk can; what is there in the end is right or nothing. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SteerdError } from '../../src/errors.js';
import { Hub } from '../../src/hub/hub.js';
import { loadModel } from '../../src/models/load.js';
import { verifyModel } from '../../src/models/manifest.js';
import { listModels, listUnfinished } from '../../src/models/model-folders.js';
import { hubModel } from '../helpers/hub-model.js';
import { type Fault, type Info, sha256 } from '../helpers/stub-hub.js';
import { pullSetup } from './pull-helpers.js';

const weights = 'model.onnx.data';

const code =
  (expected: string, message = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof SteerdError, String(error));
    assert.equal(error.code, expected, error.message);
    assert.match(error.message, message);
    return true;
  };

/** Nothing that a server could load. */
async function nothingLoads(modelsDirectory: string): Promise<void> {
  assert.deepEqual(await listModels(modelsDirectory), []);
  const visible = (await readdir(modelsDirectory)).filter((name) => !name.startsWith('.'));
  assert.deepEqual(visible, []);
}

test('a pulled model has the files of the hub, their checksums, and loads', async (t) => {
  const files = await hubModel();
  const { pull, modelsDirectory, stub } = await pullSetup(t, { files });
  const steps: [number, number][] = [];
  const { folder, manifest, fresh } = await pull(
    {},
    { onProgress: ({ done, total }) => steps.push([done, total]) },
  );
  assert.equal(fresh, true);
  const { '.gitattributes': _, ...wanted } = files;
  assert.deepEqual((await readdir(folder)).sort(), [...Object.keys(wanted), 'steerd-model.json'].sort());
  for (const { path, sha256: sum } of manifest.files) {
    const bytes = await readFile(join(folder, path));
    assert.equal(sha256(bytes), sum, path);
    assert.ok(bytes.equals(files[path] as Buffer), path);
  }
  assert.deepEqual(
    [manifest.repository, manifest.commit, manifest.revision],
    ['tester/tiny', stub.commit, 'main'],
  );
  assert.equal((await verifyModel(folder)).state, 'right');
  // Nothing is left of the work, and progress ends where it should and never says more than there is.
  assert.deepEqual(await readdir(modelsDirectory), ['tiny']);
  assert.deepEqual(steps.at(-1)?.[0], steps.at(-1)?.[1]);
  assert.ok(steps.every(([done, total]) => done <= total));
  const settings = { threads: 1, slots: 1, context: 64, prefillChunk: 64, queue: 4 };
  const model = await loadModel('tiny', folder, settings);
  await model.engine.close();

  const again = await pull();
  assert.equal(again.fresh, false);
  assert.equal(stub.asked(weights).length, 1);
});

test('three interruptions: each connection goes on where the last one broke, and the sums are right', async (t) => {
  const at = 200_000;
  const { pull, stub } = await pullSetup(t, {
    fault: (path, count) => (path === weights && count < 3 ? { cutAfter: at } : undefined),
  });
  const { folder } = await pull();
  assert.equal((await verifyModel(folder)).state, 'right');
  const ranges = stub.asked(weights).map(({ range }) => range);
  assert.equal(ranges.length, 4);
  assert.equal(ranges[0], undefined);
  const starts = ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]));
  // A cut connection may lose what was under way, and no byte more is sent twice.
  assert.deepEqual(
    starts,
    [...starts].sort((a, b) => a - b),
  );
  assert.ok(starts[0] !== undefined && starts[0] > 0 && starts[0] <= at, String(starts));
  assert.ok(
    stub
      .asked(weights)
      .slice(1)
      .every(({ ifRange }) => ifRange?.startsWith('"')),
  );
});

test('three broken-off pulls: each goes on with what the one before left', async (t) => {
  const { pull, stub, modelsDirectory } = await pullSetup(t, {
    fault: (path, count) => (path === weights && count < 3 ? { stallAfter: 250_000 } : undefined),
  });
  const reached: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const controller = new AbortController();
    let most = 0;
    const onProgress = ({ done, total }: { done: number; total: number }) => {
      most = Math.max(most, done);
      // The stalled connection has brought all it will.
      if (total > 800_000 && done - (reached.at(-1) ?? 0) >= 250_000) controller.abort(new Error('stopped'));
    };
    await assert.rejects(pull({}, { signal: controller.signal, onProgress }), /stopped/);
    reached.push(most);
    await nothingLoads(modelsDirectory);
    const [left] = await listUnfinished(modelsDirectory);
    assert.ok(left?.name === 'tiny' && left.bytes > 0);
  }
  const { folder } = await pull();
  assert.equal((await verifyModel(folder)).state, 'right');
  const starts = stub.asked(weights).map(({ range }) => Number(/\d+/.exec(range ?? '0')?.[0]));
  assert.equal(starts.length, 4);
  for (const [turn, start] of starts.slice(1).entries()) {
    const came = start - (starts[turn] as number);
    assert.ok(came > 200_000 && came <= 250_000, `${starts}`);
  }
  assert.deepEqual(await listUnfinished(modelsDirectory), []);
});

test('wrong bytes are refused: nothing loads, nothing of them is kept, and the next pull is right', async (t) => {
  const good = await hubModel();
  const wrong = Buffer.from(good[weights] as Buffer);
  wrong[1234] = (wrong[1234] ?? 0) ^ 1;
  let lying = true;
  const { pull, modelsDirectory } = await pullSetup(t, {
    files: good,
    fault: (path) => (path === weights && lying ? { bytes: wrong } : undefined),
  });
  await assert.rejects(pull(), code('hub_wrong_bytes', /model\.onnx\.data.*sha256/));
  await nothingLoads(modelsDirectory);
  lying = false;
  assert.equal((await verifyModel((await pull()).folder)).state, 'right');
});

test('a small file is held to the SHA-1 of git', async (t) => {
  const { pull, modelsDirectory } = await pullSetup(t, {
    fault: (path) =>
      path === 'config.json' ? { bytes: Buffer.from('{"evil": true}'.padEnd(713)) } : undefined,
  });
  await assert.rejects(pull(), code('hub_wrong_bytes', /config\.json.*git-sha1/));
  await nothingLoads(modelsDirectory);
});

test('answers of other lengths: too much is refused, too little is fetched again', async (t) => {
  const good = await hubModel();
  const longer = Buffer.concat([good[weights] as Buffer, Buffer.from('more')]);
  const long = await pullSetup(t, { fault: (path) => (path === weights ? { bytes: longer } : undefined) });
  await assert.rejects(long.pull(), code('hub_wrong_bytes', /more came/));
  await nothingLoads(long.modelsDirectory);

  const short = await pullSetup(t, {
    fault: (path, count) => (path === weights && count === 0 ? { endAfter: 100_000 } : undefined),
  });
  assert.equal((await verifyModel((await short.pull()).folder)).state, 'right');
  assert.equal(short.stub.asked(weights)[1]?.range, 'bytes=100000-');

  // A hub whose file is shorter than it says never gets there.
  const never = await pullSetup(t, {
    fault: (path) => (path === weights ? { bytes: longer.subarray(0, 5000) } : undefined),
  });
  await assert.rejects(never.pull(), code('hub_failed', /in a row/));
  await nothingLoads(never.modelsDirectory);
});

test('a part that was damaged on the disk is found out and fetched whole', async (t) => {
  const { pull, stub, modelsDirectory } = await pullSetup(t, {
    fault: (path, count) => (path === weights && count === 0 ? { stallAfter: 300_000 } : undefined),
  });
  const controller = new AbortController();
  const stop = ({ done }: { done: number }) => done > 300_000 && controller.abort(new Error('stopped'));
  await assert.rejects(pull({}, { signal: controller.signal, onProgress: stop }), /stopped/);
  const [left] = await listUnfinished(modelsDirectory);
  const part = join(left?.folder ?? '', `${weights}.part`);
  await writeFile(part, Buffer.alloc(280_000, 7));
  assert.equal((await verifyModel((await pull()).folder)).state, 'right');
  assert.deepEqual(
    stub.asked(weights).map(({ range }) => range),
    [undefined, 'bytes=280000-', undefined],
  );
});

test('a server without ranges sends the file whole, and that is taken', async (t) => {
  const { pull } = await pullSetup(t, {
    fault: (path, count) =>
      path === weights ? { ignoreRange: true, ...(count === 0 && { cutAfter: 300_000 }) } : undefined,
  });
  assert.equal((await verifyModel((await pull()).folder)).state, 'right');
});

test('a hub that is busy is waited for; one that stays so ends the pull', async (t) => {
  const busy: Fault = { status: 429, headers: { 'retry-after': '1' } };
  const some = await pullSetup(t, {
    fault: (path, count) =>
      path === weights && count < 2 ? (count === 0 ? busy : { status: 503 }) : undefined,
  });
  const started = performance.now();
  assert.equal((await verifyModel((await some.pull()).folder)).state, 'right');
  assert.ok(performance.now() - started > 990);
  const always = await pullSetup(t, { fault: (path) => (path === weights ? { status: 500 } : undefined) });
  await assert.rejects(always.pull(), code('hub_failed', /answered 500 \(6 tries in a row\)/));
  const rude = await pullSetup(t, { fault: () => ({ status: 429, headers: { 'retry-after': '86400' } }) });
  await assert.rejects(rude.pull(), code('hub_failed', /wait 86400 s/));
});

test('a connection on which nothing comes is given up and made anew', async (t) => {
  const { pull, stub } = await pullSetup(t, {
    silence: 200,
    fault: (path, count) => (path === weights && count === 0 ? { stallAfter: 50_000 } : undefined),
  });
  assert.equal((await verifyModel((await pull()).folder)).state, 'right');
  assert.equal(stub.asked(weights)[1]?.range, 'bytes=50000-');
});

test('the token goes to the hub and to no other origin', async (t) => {
  const { pull, stub } = await pullSetup(t, { token: 'hf_secret', ownToken: 'hf_secret' });
  await pull();
  const cdn = stub.requests.filter(({ origin }) => origin === 'cdn');
  const hub = stub.requests.filter(({ origin }) => origin === 'hub');
  assert.ok(cdn.length >= 2 && cdn.every(({ authorization }) => authorization === undefined));
  assert.ok(hub.length > 3 && hub.every(({ authorization }) => authorization === 'Bearer hf_secret'));
});

test('gated, unknown and private models are told apart from each other', async (t) => {
  const none = await pullSetup(t, { token: 'hf_secret' });
  await assert.rejects(none.pull(), code('hub_access_denied', /gated.*set HF_TOKEN/));
  const wrong = await pullSetup(t, { token: 'hf_secret', ownToken: 'hf_other' });
  await assert.rejects(wrong.pull(), (error: Error) => {
    assert.ok(!error.message.includes('hf_other'));
    return code('hub_access_denied', /the one given may not/)(error);
  });
  await assert.rejects(none.pull({ repository: 'tester/other' }), code('hub_access_denied'));
  const open = await pullSetup(t);
  await assert.rejects(
    open.pull({ repository: 'tester/other' }),
    code('hub_model_not_found', /tester\/other/),
  );
  await assert.rejects(open.pull({ revision: 'v9' }), code('hub_model_not_found', /"v9"/));
  assert.equal((await open.pull({ revision: 'v1' })).manifest.revision, 'v1');
  const nobody = new Hub({ endpoint: 'http://127.0.0.1:9', token: '', firstPause: 1 });
  await assert.rejects(
    open.pull({ name: 'x' }, { hub: nobody }),
    code('hub_failed', /127\.0\.0\.1:9.*(refused|ECONN|bad port)/i),
  );
  for (const { modelsDirectory } of [none, wrong]) assert.deepEqual(await readdir(modelsDirectory), []);
});

test('names from the hub and from the graph lead nowhere outside', async (t) => {
  const files = await hubModel();
  const evil = await pullSetup(t, {
    files,
    info: (info) => ({
      ...info,
      siblings: info.siblings.flatMap((one) => [
        one,
        { ...one, rfilename: `../../${one.rfilename}` },
        { ...one, rfilename: `/tmp/${one.rfilename}` },
        { ...one, rfilename: `concepts\\..\\${one.rfilename}` },
      ]),
    }),
  });
  const { folder } = await evil.pull();
  assert.equal((await verifyModel(folder)).state, 'right');
  assert.deepEqual((await verifyModel(folder)).extra, []);

  // A name of the same length keeps the protobuf whole.
  const text = (files['model.onnx'] as Buffer).toString('latin1');
  const graph = Buffer.from(text.replaceAll('model.onnx.data', '../etc/pass.dat'), 'latin1');
  const outside = await pullSetup(t, { files: { ...files, 'model.onnx': graph } });
  await assert.rejects(outside.pull(), code('model_unsupported', /weights outside its folder/));
  await nothingLoads(outside.modelsDirectory);
});

test('an export that cannot be served is refused before its weights are fetched', async (t) => {
  const files = await hubModel();
  const broken = { ...files, 'model.onnx': Buffer.alloc(9000, 0xa7) };
  const { pull, stub, modelsDirectory } = await pullSetup(t, { files: broken });
  await assert.rejects(pull(), code('model_unsupported', /model\.onnx of model "tester\/tiny"/));
  assert.equal(stub.asked(weights).length, 0);
  await nothingLoads(modelsDirectory);
});

test('a model that is there is not written over, and two pulls do not meet', async (t) => {
  const slow: Fault = { speed: 2_000_000 };
  const { pull, modelsDirectory, stub } = await pullSetup(t, { fault: () => slow });
  const both = await Promise.allSettled([pull(), pull()]);
  const [refused] = both.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  assert.ok(code('pull_running', new RegExp(`process ${process.pid} on`))(refused));
  assert.equal((await listModels(modelsDirectory)).length, 1);

  await mkdir(join(modelsDirectory, 'mine'));
  await writeFile(join(modelsDirectory, 'mine', 'model.onnx'), 'mine');
  const before = stub.requests.length;
  await assert.rejects(pull({ name: 'mine' }), code('model_exists', /not pulled/));
  assert.equal(stub.requests.length, before);
  assert.equal(await readFile(join(modelsDirectory, 'mine', 'model.onnx'), 'utf8'), 'mine');
  for (const name of ['..', '.hidden', 'a/b', 'pulls', '']) {
    await assert.rejects(pull({ name }), code('invalid_value', /^name must be/));
  }
});

test('a models directory that cannot be written is told with the setting to change', async (t) => {
  const { pull, modelsDirectory, stub } = await pullSetup(t);
  const file = join(modelsDirectory, 'file');
  await writeFile(file, '');
  await assert.rejects(
    pull({}, { modelsDirectory: file }),
    code('storage_failed', /cannot be written.*STEERD_MODELS_DIR/),
  );
  assert.equal(stub.requests.length, 0);
});

test('a lock of a process that is gone is void', async (t) => {
  const { pull, modelsDirectory } = await pullSetup(t);
  await mkdir(join(modelsDirectory, '.pull'));
  await writeFile(join(modelsDirectory, '.pull', 'tiny.lock'), `4194000 ${hostname()} abc`);
  await pull();
  assert.deepEqual(await readdir(modelsDirectory), ['tiny']);
});

test('a disk without room is told before anything is fetched', async (t) => {
  const { pull, stub, modelsDirectory } = await pullSetup(t, {
    info: (info) => ({
      ...info,
      siblings: info.siblings.map((one) =>
        one.rfilename === weights ? { ...one, lfs: { sha256: 'a'.repeat(64), size: 2 ** 52 } } : one,
      ),
    }),
  });
  await assert.rejects(pull(), code('storage_failed', /4504 TB more are needed|free/));
  assert.equal(stub.requests.length, 1);
  await nothingLoads(modelsDirectory);
});

test('a hub that lists names alone is asked about each file that is wanted', async (t) => {
  const bare = (info: Info) => ({
    ...info,
    siblings: info.siblings.map(({ rfilename }) => ({ rfilename })),
  });
  const wrong = Buffer.alloc(870_656);
  let lying = true;
  const { pull, stub } = await pullSetup(t, {
    info: bare,
    fault: (path) => (path === weights && lying ? { bytes: wrong } : undefined),
  });
  await assert.rejects(pull(), code('hub_wrong_bytes'));
  lying = false;
  assert.equal((await verifyModel((await pull()).folder)).state, 'right');
  const asked = stub.requests.filter(({ method }) => method === 'HEAD').map(({ url }) => url);
  assert.ok(asked.length >= 7 && !asked.some((url) => url.includes('gitattributes')), String(asked));
  assert.ok(stub.requests.every(({ origin, method }) => origin === 'hub' || method === 'GET'));
});

test('descriptions that are no descriptions end the pull with a reason', async (t) => {
  const cases: readonly [unknown, RegExp][] = [
    [{ sha: 'x' }, /not what a hub says/],
    [[], /not what a hub says/],
    [{ sha: 'a'.repeat(40), siblings: [] }, /no ONNX file/],
  ];
  for (const [info, message] of cases) {
    const { pull } = await pullSetup(t, { info: () => info });
    await assert.rejects(pull(), (error: Error) => message.test(error.message) || assert.fail(error.message));
  }
});

test('verify finds what changed, and tells what it cannot know', async (t) => {
  const { pull, modelsDirectory } = await pullSetup(t);
  const { folder } = await pull();
  await writeFile(join(folder, 'notes.txt'), 'mine');
  assert.deepEqual(await verifyModel(folder), { state: 'right', faults: [], extra: ['notes.txt'] });
  const data = await readFile(join(folder, weights));
  data[99] = (data[99] ?? 0) ^ 4;
  await writeFile(join(folder, weights), data);
  await writeFile(join(folder, 'config.json'), '{}');
  await rm(join(folder, 'tokenizer.json'));
  const { state, faults } = await verifyModel(folder);
  assert.equal(state, 'wrong');
  assert.equal(faults.length, 3);
  assert.match(faults.join('\n'), /config\.json has 2 bytes where 713/);
  assert.match(faults.join('\n'), /model\.onnx\.data has SHA-256/);
  assert.match(faults.join('\n'), /tokenizer\.json is missing/);
  await mkdir(join(modelsDirectory, 'other'));
  assert.equal((await verifyModel(join(modelsDirectory, 'other'))).state, 'unknown');
});
