/** The thread behind export-check.ts: judges the export in the folder it is given, says so and ends. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { readModelSpec } from '../../engine/model-spec.js';
import { graftForServing } from '../../onnx/graft/serving-graft.js';
import { readOutline, readWithWeightsInPlace } from '../../onnx/graph/graph-outline.js';
import { externalDataFiles } from '../../onnx/graph/model-file.js';

/** The names of its files of weights, or why it cannot be served. */
export type ExportOutcome = { readonly weights: readonly string[] } | { readonly reason: string };

async function check(folder: string): Promise<ExportOutcome> {
  const file = join(folder, 'model.onnx');
  try {
    // As the worker reads it: a file may have gigabytes of weights inside, which name no other file.
    const model = await readWithWeightsInPlace(file);
    await readModelSpec(model, folder);
    const weights = externalDataFiles(await readOutline(file));
    graftForServing(model);
    return { weights };
  } catch (error) {
    return { reason: (error as Error).message.replaceAll(file, 'it').replace(/\.$/, '') };
  }
}

parentPort?.postMessage(await check(String(workerData)));
