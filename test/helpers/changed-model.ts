/** An export with its graph changed, in a folder of its own that goes with the test. */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Graph } from '../../src/onnx/graph/graph.js';
import { parseModel, serializeModel } from '../../src/onnx/graph/model-file.js';

export async function changedModel(
  t: TestContext,
  directory: string,
  change: (graph: Graph) => void,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-changed-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(directory, folder, { recursive: true });
  const file = join(folder, 'model.onnx');
  const model = parseModel(await readFile(file), file);
  change(new Graph(model));
  await writeFile(file, serializeModel(model));
  return folder;
}
