/** Pulls from hubs that guard, mislead or tell little. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { Hub } from '../../../src/hub/hub.js';
import { verifyModel } from '../../../src/models/disk/manifest.js';
import { hubModel } from '../../helpers/hub-model.js';
import type { Fault, Info } from '../../helpers/stub-hub.js';
import { code, nothingLoads, pullSetup, weights } from './pull-helpers.js';

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
  // Hugging Face describes a gated model to everybody and refuses its files.
  const gated: Fault = { status: 401, headers: { 'x-error-code': 'GatedRepo' } };
  const files = await pullSetup(t, { fault: (path) => (path === 'config.json' ? gated : undefined) });
  await assert.rejects(files.pull(), code('hub_access_denied', /accept its terms.*set HF_TOKEN/));
  await nothingLoads(files.modelsDirectory);
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
  assert.deepEqual(await readdir(modelsDirectory), []);
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
