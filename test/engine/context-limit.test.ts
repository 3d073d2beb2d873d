/** How long a context may be, and what is said of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { contextLimit } from '../../src/engine/context-limit.js';
import { chooseContext, kvRowBytes } from '../../src/engine/kv/cache-size.js';
import { readModelSpec } from '../../src/engine/model-spec.js';
import { Graph } from '../../src/onnx/graph/graph.js';
import { newAttribute } from '../../src/onnx/graph/node.js';
import { tinyModel } from '../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');

describe('what an export computes right', () => {
  const limitOf = (declared: number, config: object, model = tiny.model()) =>
    contextLimit(new Graph(model), declared, { ...config });

  test('is what it was made for', () => {
    assert.deepEqual(limitOf(200, {}), { tokens: 200, why: "the model's own" });
  });

  test('ends with its rotary tables', () => {
    const { tokens, why } = limitOf(100_000, {});
    assert.equal(tokens, 256);
    assert.match(why, /rotary/);
  });

  test('with LongRoPE it ends where the factors change, however that is written', () => {
    for (const config of [
      { rope_scaling: { type: 'longrope' }, original_max_position_embeddings: 128 },
      { rope_scaling: { rope_type: 'longrope', original_max_position_embeddings: 128 } },
      { rope_parameters: { rope_type: 'longrope', original_max_position_embeddings: 128 } },
      { rope_scaling: { type: 'su' }, original_max_position_embeddings: 128 },
    ]) {
      const { tokens, why } = limitOf(256, config);
      assert.equal(tokens, 128);
      assert.match(why, /LongRoPE/);
    }
    assert.equal(
      limitOf(256, { rope_scaling: { type: 'yarn' }, original_max_position_embeddings: 128 }).tokens,
      256,
    );
  });

  test('a sliding window that the graph lacks ends it, one that it has does not', () => {
    const window = { sliding_window: 64, model_type: 'mistral' };
    const { tokens, why } = limitOf(256, window);
    assert.equal(tokens, 64);
    assert.match(why, /window/);
    const model = tiny.model();
    for (const node of model.graph?.node ?? [])
      if (node.opType === 'GroupQueryAttention') {
        node.attribute = node.attribute.filter(({ name }) => name !== 'local_window_size');
        node.attribute.push(newAttribute('local_window_size', 64));
      }
    assert.equal(limitOf(256, window, model).tokens, 256);
    for (const off of [
      { ...window, use_sliding_window: false },
      { ...window, model_type: 'qwen2' },
      { ...window, layer_types: ['full_attention'] },
      { ...window, sliding_window: null },
    ])
      assert.equal(limitOf(256, off).tokens, 256);
    assert.equal(limitOf(256, { ...window, model_type: 'qwen2', use_sliding_window: true }).tokens, 64);
  });
});

describe('the context that is chosen', async () => {
  const spec = { ...(await readModelSpec(tiny.model(), tiny.directory)), contextLength: 100_000 };
  const choose = (asked: number, room: number | null, slots = 16) =>
    chooseContext(spec, { asked, slots, room });
  const bytes = (tokens: number) => kvRowBytes(spec, tokens);

  test('is what the settings ask for, up to what the model can', () => {
    assert.equal(choose(512, bytes(1)).tokens, 512);
    assert.equal(choose(1_000_000, bytes(1)).tokens, 100_000);
    assert.match(choose(512, null).why, /settings/);
  });

  test("is the model's own where memory allows, else what four slots and a text find room for", () => {
    assert.deepEqual(choose(0, bytes(500_000)), { tokens: 100_000, why: "the model's own" });
    const { tokens, why } = choose(0, bytes(50_000));
    assert.ok(tokens <= 10_000 && tokens > 9_700, `${tokens}`);
    assert.match(why, /memory/);
    // With fewer slots more fits into each.
    assert.ok(choose(0, bytes(50_000), 1).tokens > 20_000);
    assert.ok(choose(0, 0).tokens > 0);
  });

  test('is a cautious one where all slots take their memory at once', () => {
    assert.equal(choose(0, null).tokens, 4096);
  });
});
