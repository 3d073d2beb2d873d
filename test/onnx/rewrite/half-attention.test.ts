import assert from 'node:assert/strict';
import { test } from 'node:test';
import { graftForCapture } from '../../../src/onnx/graft/capture-graft.js';
import { graftForServing } from '../../../src/onnx/graft/serving-graft.js';
import { halveAttention } from '../../../src/onnx/rewrite/half-attention.js';
import type { Session } from '../../../src/ort/session.js';
import { ownArray } from '../../../src/ort/tensor.js';
import { type Feed, ints, largestDifference, openGraph, runGraph, upTo } from '../../helpers/run-graph.js';
import { goldenEdit, logitPositions, steeringFeeds } from '../../helpers/steering.js';
import { tinyModel, tinyNames, tinySize } from '../../helpers/tiny-models.js';

const { layers, hidden, heads, kvHeads, headSize, vocabulary } = tinySize;

/** Inputs of a first prompt, with keys and values in half precision. */
function frame(session: Session, tokens: readonly number[]) {
  const caches: Record<string, Feed> = {};
  for (const { name } of session.outputs)
    if (name.startsWith('present.')) {
      const shape = [1, kvHeads, 32, headSize];
      caches[name] = { type: 'float16', shape, data: ownArray(Uint16Array, kvHeads * 32 * headSize) };
    }
  const pasts = Object.entries(caches).map(([name, feed]) => [
    name.replace('present', 'past_key_values'),
    feed,
  ]);
  const inputs: Record<string, Feed> = {
    input_ids: ints([1, tokens.length], tokens),
    attention_mask: ints(
      [1, tokens.length],
      tokens.map(() => 1),
    ),
    ...Object.fromEntries(pasts),
  };
  return { inputs, caches };
}

for (const name of tinyNames) {
  const tiny = tinyModel(name);
  const [tokens] = tiny.prompts;

  test(`${name}: keys and values are float16, and the logits near PyTorch’s`, async () => {
    const session = await openGraph(graftForServing(halveAttention(tiny.model())), tiny.directory);
    const cacheTypes = [...session.inputs, ...session.outputs]
      .filter((value) => /^(past|present)/.test(value.name))
      .map(({ type }) => type);
    assert.deepEqual(new Set(cacheTypes), new Set(['float16']));
    const { inputs, caches } = frame(session, tokens);
    const edit = steeringFeeds([goldenEdit(tiny, 0)], tokens.length);
    const { logits } = runGraph(
      session,
      { ...inputs, ...edit, ...logitPositions([upTo(tokens.length)]) },
      { ...caches, logits: [1, tokens.length, vocabulary] },
    );
    const apart = largestDifference(logits ?? [], tiny.golden('steered_logits.0'));
    assert.ok(apart > 0 && apart < 2e-2, `${apart}`);
    session.release();
  });

  test(`${name}: activations can be captured from it`, async () => {
    const session = await openGraph(
      graftForCapture(halveAttention(tiny.model()), { logits: false }),
      tiny.directory,
    );
    const { inputs, caches } = frame(session, tokens);
    const positions = [8, 9, 10];
    const captured = runGraph(
      session,
      {
        ...inputs,
        capture_positions: ints([1, 3], positions),
        span_start: ints([1], [2]),
        span_end: ints([1], [5]),
      },
      { ...caches, hidden_states: [layers, 1, 3, hidden], attention_to_prefix: [layers, 1, heads, 3] },
    );
    const attention = tiny.golden('attention_to_prefix.0');
    assert.ok(largestDifference(captured.attention_to_prefix ?? [], attention) < 5e-3);
    session.release();
  });
}

test('a model without such attention is left as it is', () => {
  const halved = halveAttention(tinyModel('llama-genai').model());
  assert.equal(halveAttention(halved), halved);
});
