/** The thread behind export-check.ts: judges the export in the folder it is given, says so and ends. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { readModelSpec } from '../../engine/model-spec.js';
import { graftForServing } from '../../onnx/graft/serving-graft.js';
import { externalDataFiles, readModel } from '../../onnx/graph/model-file.js';

/** The names of its files of weights, or why it cannot be served. */
export type ExportOutcome = { readonly weights: readonly string[] } | { readonly reason: string };

async function check(folder: string): Promise<ExportOutcome> {
  const file = join(folder, 'model.onnx');
  try {
    const model = await readModel(file);
    await readModelSpec(model, folder);
    const weights = externalDataFiles(model);
    graftForServing(model);
    return { weights };
  } catch (error) {
    return { reason: (error as Error).message.replaceAll(file, 'it').replace(/\.$/, '') };
  }
}

parentPort?.postMessage(await check(String(workerData)));
