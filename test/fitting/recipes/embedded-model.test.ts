/**
 * Recipe `examples` on the embedded model, and `attention` beside the reference fit (test/fixtures/README.md), with our own
 * statements: which token a layer reads hangs on the prefix and the template more than on what is asked about.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeSafetensors } from '../../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../../src/common/package.js';
import { norm, pearson } from '../../../src/fitting/linear-algebra/vectors.js';
import { attention } from '../../../src/fitting/recipes/attention.js';
import { defaultSystemMessage } from '../../../src/fitting/recipes/concept-prompt.js';
import { examples } from '../../../src/fitting/recipes/examples.js';
import { defaultStatements } from '../../../src/fitting/statements/index.js';
import { loadModel } from '../../../src/models/serve/load.js';
import { testCache } from '../../helpers/test-cache.js';
import { cosine } from '../methods/synthetic-examples.js';
import { contextOf } from './synthetic-model.js';

const directory = join(packageRoot, 'models/smollm2-135m-instruct');
const settings = { threads: 0, slots: 1, context: 0, prefillChunk: 64, queue: 1, cacheDirectory: testCache };

test('examples of one word each say what the words say', async () => {
  const model = await loadModel('smollm2-135m-instruct', directory, settings);
  try {
    const directions = async (positive: readonly string[], negative: readonly string[]) => {
      const given = { positive, negative };
      const read = await examples.collect(contextOf(model, { prefix: '', labels: 'hard', examples: given }));
      const { n, hiddenSize, labels } = read;
      return read.layers.map((rows) => {
        const difference = new Float64Array(hiddenSize);
        for (let i = 0; i < n; i++) {
          const row = rows.subarray(i * hiddenSize, (i + 1) * hiddenSize);
          const length = norm(row);
          for (let h = 0; h < hiddenSize; h++)
            difference[h] =
              (difference[h] as number) + ((labels[i] === 1 ? 1 : -1) * (row[h] as number)) / length;
        }
        return difference;
      });
    };
    /** Mean over the layers where first positions are sinks. */
    const alike = (a: readonly Float64Array[], b: readonly Float64Array[]) => {
      const cosines = a.slice(12, 29).map((x, i) => cosine(x, b[i + 12] as Float64Array));
      return cosines.reduce((sum, x) => sum + x, 0) / cosines.length;
    };
    const ocean = await directions(['ocean', 'sea', 'waves', 'beach'], ['table', 'chair', 'desk', 'lamp']);
    const numbers = await directions(
      ['seven', 'three', 'nine', 'twelve'],
      ['sad', 'angry', 'happy', 'proud'],
    );
    const sentences = await directions(
      ['The ocean was calm and the waves were small.', 'The tide came in over the beach of the sea.'],
      ['The table stood beside the chair.', 'She put the lamp on the desk.'],
    );
    assert.ok(Math.abs(alike(ocean, numbers)) < 0.3, `unrelated words: ${alike(ocean, numbers)}`);
    assert.ok(alike(ocean, sentences) > 0.4, `words and sentences: ${alike(ocean, sentences)}`);
  } finally {
    await model.engine.close();
  }
});

test('layers read the tokens of the reference fit, and attend as much', async () => {
  const [model, file] = await Promise.all([
    loadModel('smollm2-135m-instruct', directory, settings),
    readFile(join(packageRoot, 'test/fixtures/fit-spiders.safetensors')),
  ]);
  try {
    assert.equal(
      defaultSystemMessage(model),
      'You are a helpful AI assistant named SmolLM, trained by Hugging Face',
    );
    const { tensors } = decodeSafetensors(file);
    const reference = (name: string) => tensors.get(name)?.toNumbers() ?? [];
    // The reference's statements end with a line break each, and the tokens after it see that.
    const few = (side: readonly string[]) => side.slice(0, 8).map((statement) => `${statement}\n`);
    const statements = {
      positive: few(defaultStatements.positive),
      negative: few(defaultStatements.negative),
    };
    const prefix = 'Personify someone who is terrified of spiders.';
    const features = await attention.collect(contextOf(model, { prefix, statements }));

    const { chosen } = (features.details as { attention: { chosen: number[] } }).attention;
    const tokens = reference('token_index');
    const agreeing = chosen.flatMap((token, layer) => (layer > 0 && token === tokens[layer] ? [layer] : []));
    assert.ok(agreeing.length >= 26, `${agreeing.length} of 29: ${chosen.join(' ')}`);
    const norms = reference('mean_residual_norm');
    for (const layer of agreeing) {
      // The reference has the last block's output behind the final norm.
      const ratio = (features.residualNorms[layer] as number) / (norms[layer] as number);
      if (layer < chosen.length - 1) assert.ok(Math.abs(ratio - 1) < 0.03, `layer ${layer}: norm ${ratio}`);
    }
    const soft = reference('soft_labels');
    const mean = (layer: number) =>
      soft.reduce((sum, x, i) => (i % chosen.length === layer ? sum + x / 200 : sum), 0);
    const r = pearson(
      Float64Array.from(agreeing, (layer) => features.attention?.mean[layer] as number),
      Float64Array.from(agreeing, mean),
    );
    assert.ok(r > 0.95, `attention of the layers correlates at ${r}`);
  } finally {
    await model.engine.close();
  }
});
