import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SteerdError } from '../../../src/errors.js';
import { readExport } from '../../../src/models/disk/export-check.js';
import { tinyModel } from '../../helpers/tiny-models.js';

test('an export is judged by its graph, and its files of weights are named', async () => {
  assert.deepEqual(await readExport('a/b', 'model.onnx', tinyModel('llama-genai').directory), [
    'model.onnx.data',
  ]);
});

test('what is no export is refused by its name in the repository, without the place where it lies', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-export-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'model.onnx'), 'neither');
  await assert.rejects(readExport('a/b', 'onnx/model_q4.onnx', folder), (error) => {
    assert.ok(error instanceof SteerdError && error.code === 'model_unsupported');
    assert.match(
      error.message,
      /onnx\/model_q4\.onnx of model "a\/b" cannot be served: it is not an ONNX model/,
    );
    return !error.message.includes(folder);
  });
});

test('a check that nobody wants any more ends at once', async () => {
  const folder = tinyModel('llama-genai').directory;
  const left = new AbortController();
  const running = readExport('a/b', 'model.onnx', folder, left.signal);
  left.abort(new Error('gone'));
  await assert.rejects(running, /gone/);
  await assert.rejects(readExport('a/b', 'model.onnx', folder, left.signal), /gone/);
});
