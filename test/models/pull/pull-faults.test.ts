/** Pulls over a network that fails in every way: what is there in the end is right, or nothing that loads. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { verifyModel } from '../../../src/models/disk/manifest.js';
import { listUnfinished } from '../../../src/models/disk/model-folders.js';
import { hubModel } from '../../helpers/hub-model.js';
import type { Fault } from '../../helpers/stub-hub.js';
import { code, nothingLoads, pullSetup, weights } from './pull-helpers.js';

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

test('a signature of another host that ran out is fetched anew', async (t) => {
  const { pull, stub } = await pullSetup(t, {
    fault: (path, count) =>
      path === weights ? [{ cutAfter: 99_999 }, { status: 403 }, undefined][count] : undefined,
  });
  assert.equal((await verifyModel((await pull()).folder)).state, 'right');
  const urls = stub.asked(weights).map(({ url }) => url);
  assert.equal(new Set(urls).size, 3);
});

test('a connection on which nothing comes is given up and made anew', async (t) => {
  const { pull, stub } = await pullSetup(t, {
    silence: 200,
    fault: (path, count) => (path === weights && count === 0 ? { stallAfter: 50_000 } : undefined),
  });
  assert.equal((await verifyModel((await pull()).folder)).state, 'right');
  assert.equal(stub.asked(weights)[1]?.range, 'bytes=50000-');
});
