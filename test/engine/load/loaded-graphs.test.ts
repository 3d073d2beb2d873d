/** A model that cannot be loaded leaves nothing behind. */
import assert from 'node:assert/strict';
import { access, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadGraphs } from '../../../src/engine/load/loaded-graphs.js';
import { OpenModel } from '../../../src/engine/load/open-model.js';
import { graftDirectory } from '../../../src/onnx/graft/graft-directory.js';
import { OnnxError } from '../../../src/onnx/graph/model-file.js';
import { PrepackedWeights, Session } from '../../../src/ort/session.js';
import { SharedWeights } from '../../../src/ort/shared-weights.js';
import { changedModel } from '../../helpers/changed-model.js';
import { tinyModel } from '../../helpers/tiny-models.js';

const { directory } = tinyModel('llama-genai');

/** How often weights and sessions are released from now on. */
function releases(t: { mock: typeof import('node:test').mock }) {
  const calls = [PrepackedWeights, SharedWeights, Session].map(({ prototype }) =>
    t.mock.method(prototype, 'release'),
  );
  return () => calls.map(({ mock }) => mock.callCount());
}

test('a graph that ONNX Runtime refuses: its weights are released', async (t) => {
  const refused = await changedModel(t, directory, ({ proto }) => {
    const node = proto.node.find(({ opType }) => opType === 'Sigmoid');
    assert.ok(node);
    node.opType = 'Frobnicate';
  });
  const released = releases(t);
  await assert.rejects(loadGraphs(refused, 1), /Frobnicate/);
  assert.deepEqual(released(), [1, 1, 0]);
});

test('a graph that cannot be run: its weights and its session are released', async (t) => {
  const released = releases(t);
  const run = t.mock.method(Session, 'create', async (...settings: Parameters<typeof Session.create>) => {
    run.mock.restore();
    const session = await Session.create(...settings);
    Object.assign(session, { inputNames: new Set() });
    return session;
  });
  await assert.rejects(loadGraphs(directory, 1), /bind/);
  assert.deepEqual(released(), [1, 1, 1]);
});

test('weights that are not there are said to be missing, cut off or what they are instead', async (t) => {
  const folder = await changedModel(t, directory, () => {});
  const file = join(folder, 'model.onnx.data');
  const whole = await readFile(file);
  const refused = async (bytes: string | Uint8Array | null, message: RegExp) => {
    await (bytes === null ? rm(file) : writeFile(file, bytes));
    const released = releases(t);
    await assert.rejects(loadGraphs(folder, 1), (error: unknown) => {
      assert.ok(error instanceof OnnxError, String(error));
      assert.ok(error.message.startsWith(file), error.message);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(released(), [0, 0, 0]);
    const out = join(folder, 'grafted');
    await assert.rejects(graftDirectory(folder, out, { capture: false }), message);
    await assert.rejects(access(out));
    t.mock.restoreAll();
  };
  await refused(
    'version https://git-lfs.github.com/spec/v1\noid sha256:8786f1\nsize 170000\n',
    /a Git LFS pointer/,
  );
  await refused('<!DOCTYPE html><html></html>', /an HTML page/);
  await refused(whole.subarray(0, -1), /has \d+ bytes, and the weight .* ends at byte \d+/);
  await refused(null, /is missing/);
  // Weights may begin as any other file does, gzip's here.
  await writeFile(file, Buffer.concat([Buffer.from([0x1f, 0x8b]), whole.subarray(2)]));
  await (await loadGraphs(folder, 1)).release();
});

test('a KV cache that no memory holds: weights and session are released', async (t) => {
  const released = releases(t);
  const settings = { directory, threads: 1, slots: 2 ** 40, capacity: 0, prefillChunk: 64 };
  await assert.rejects(OpenModel.open(settings), RangeError);
  assert.deepEqual(released(), [1, 1, 1]);
});
