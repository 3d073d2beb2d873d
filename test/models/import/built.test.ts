/** Imports with the builder that users have: from a file of strangers to a folder that is served. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadGraphs } from '../../../src/engine/load/loaded-graphs.js';
import { verifyModel } from '../../../src/models/disk/manifest.js';
import { graphBuilder } from '../../../src/models/import/graph-builder.js';
import { importModel } from '../../../src/models/import/import.js';
import { checkpoints, goldens, logitsOf } from '../../helpers/built-models.js';
import { largestDifference } from '../../helpers/run-graph.js';

test('a GGUF file and its safetensors become models that compute the same, each twice with one fingerprint', async (t) => {
  const modelsDirectory = await mkdtemp(join(tmpdir(), 'built-'));
  t.after(() => rm(modelsDirectory, { recursive: true }));
  const run = (file: string, name: string) =>
    importModel(
      { path: join(checkpoints, file), precision: 'fp32', name },
      { builder: graphBuilder, modelsDirectory, signal: new AbortController().signal },
    );
  const made = [
    await run('llama-bf16.gguf', 'gguf'),
    await run('llama', 'folder'),
    await run('llama', 'again'),
  ];
  const golden = goldens('llama');
  const fingerprints: string[] = [];
  for (const { folder, manifest } of made) {
    assert.equal((await verifyModel(folder)).state, 'right');
    assert.ok(manifest.files.every(({ path }) => !path.startsWith('.')));
    const logits = await logitsOf(folder, golden.ids('input_ids.1'));
    assert.ok(largestDifference(logits, golden.floats('logits.1')) < 1e-3);
    const graphs = await loadGraphs(folder, 1);
    fingerprints.push(graphs.fingerprint);
    await graphs.release();
  }
  assert.equal(fingerprints[1], fingerprints[2]);
  const [gguf, folder] = made.map((one) => readFile(join(one.folder, 'chat_template.jinja'), 'utf8'));
  assert.equal(await gguf, await folder);
});
