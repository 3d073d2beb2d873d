import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { graftDirectory } from '../../../src/onnx/graft/graft-directory.js';
import { OnnxError, readModel, serializeModel } from '../../../src/onnx/graph/model-file.js';
import { openGraph } from '../../helpers/run-graph.js';
import { tinyModel } from '../../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
let folder = '';
describe('a graft in a folder of its own', () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'steerd-graft-'));
  });
  after(() => rm(folder, { recursive: true }));

  for (const capture of [false, true])
    test(`${capture ? 'capture' : 'serving'}: the folder loads by itself, and the model's stays untouched`, async () => {
      const out = join(folder, 'out', String(capture));
      const weights = join(tiny.directory, 'model.onnx.data');
      const original = await readFile(join(tiny.directory, 'model.onnx'));
      for (const again of [1, 2]) {
        const report = await graftDirectory(tiny.directory, out, { capture });
        assert.equal(report.kind, capture ? 'capture' : 'serving', `time ${again}`);
        assert.deepEqual(
          report.weights.map(({ file }) => file),
          ['model.onnx.data'],
        );
      }
      assert.ok((await readdir(out)).includes('config.json'));
      assert.equal((await stat(join(out, 'model.onnx.data'))).size, (await stat(weights)).size);
      const session = await openGraph(await readModel(join(out, 'model.onnx')), out);
      const added = capture ? 'capture_positions' : 'steering_vectors';
      assert.ok(session.inputs.some(({ name }) => name === added));
      session.release();
      assert.deepEqual(await readFile(join(tiny.directory, 'model.onnx')), original);
    });

  test("the model's own folder is no place for the graft, under whatever name", async () => {
    const own = join(folder, 'own');
    const alias = join(folder, 'alias');
    await cp(tiny.directory, own, { recursive: true });
    await symlink(own, alias);
    const before = await readdir(own);
    for (const out of [`${own}/.`, alias])
      await assert.rejects(graftDirectory(own, out, { capture: false }), OnnxError);
    assert.deepEqual(await readdir(own), before);
  });

  test("weights outside the model's folder are refused, also in one whose name begins alike", async () => {
    const directory = join(folder, 'model');
    for (const elsewhere of ['../model-2/weights.data', '/etc/hostname']) {
      const model = tiny.model();
      for (const tensor of model.graph?.initializer ?? [])
        for (const entry of tensor.externalData) if (entry.key === 'location') entry.value = elsewhere;
      await mkdir(directory, { recursive: true });
      await mkdir(join(folder, 'model-2'), { recursive: true });
      await writeFile(join(folder, 'model-2', 'weights.data'), '');
      await writeFile(join(directory, 'model.onnx'), serializeModel(model));
      await assert.rejects(
        graftDirectory(directory, join(folder, 'elsewhere'), { capture: false }),
        (error) => error instanceof OnnxError && error.message.includes(elsewhere),
      );
    }
  });
});
