/** A model that cannot be loaded leaves nothing behind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGraphs } from '../../../src/engine/load/loaded-graphs.js';
import { OpenModel } from '../../../src/engine/load/open-model.js';
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

test('a KV cache that no memory holds: weights and session are released', async (t) => {
  const released = releases(t);
  const settings = { directory, threads: 1, slots: 2 ** 40, capacity: 0, prefillChunk: 64 };
  await assert.rejects(OpenModel.open(settings), RangeError);
  assert.deepEqual(released(), [1, 1, 1]);
});
