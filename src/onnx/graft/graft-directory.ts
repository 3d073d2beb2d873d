/**
 * Writes a grafted model as a folder that any ONNX runtime can open: the new graph, beside links to or copies of the
 * original's weights and configuration.
 */
import { copyFile, link, mkdir, readdir, realpath, rm } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { writeDurably } from '../../common/durable-file.js';
import { externalDataFiles, OnnxError, readModel, serializeModel } from '../graph/model-file.js';
import { checkWeightFiles } from '../graph/weight-files.js';
import { graftForCapture } from './capture-graft.js';
import { graftForServing } from './serving-graft.js';

interface GraftReport {
  /** Path of the new model file. */
  readonly graph: string;
  readonly kind: 'serving' | 'capture';
  readonly nodes: number;
  /** The files of weights beside it, and how they got there. */
  readonly weights: readonly { readonly file: string; readonly how: 'linked' | 'copied' }[];
}

/**
 * @param out the folder to write, which is created if need be
 * @throws OnnxError when the export cannot be grafted, when its weights lie outside its folder or are not what should be
 *   there, or when `out` is that folder; the file system's error
 */
export async function graftDirectory(
  modelDirectory: string,
  out: string,
  options: { readonly capture: boolean },
): Promise<GraftReport> {
  // Under another name too: weights are removed from the folder before they are placed there.
  const placeOf = (folder: string) => realpath(folder).catch(() => resolve(folder));
  if ((await placeOf(modelDirectory)) === (await placeOf(out)))
    throw new OnnxError(`--out must not be the model's own folder: ${out}`);
  const original = await readModel(join(modelDirectory, 'model.onnx'));
  const grafted = options.capture ? graftForCapture(original) : graftForServing(original);
  await checkWeightFiles(original, modelDirectory);
  await mkdir(out, { recursive: true });
  const data = externalDataFiles(original);
  const weights = await Promise.all(
    data.map(async (file) => ({ file, how: await placeWeights(modelDirectory, out, file) })),
  );
  for (const file of await readdir(modelDirectory))
    if (/\.(json|jinja)$/.test(file)) await copyFile(join(modelDirectory, file), join(out, file));
  // Last, and whole or not at all: without it the folder is no model. Another file takes its place: were it a hard link, writing to it
  // would change the original.
  await writeDurably(out, 'model.onnx', serializeModel(grafted));
  return {
    graph: join(out, 'model.onnx'),
    kind: options.capture ? 'capture' : 'serving',
    nodes: grafted.graph?.node.length ?? 0,
    weights,
  };
}

/**
 * Puts a file of weights into `out`: as a hard link, because ONNX Runtime refuses symbolic links that lead out of the
 * model's folder, or as a copy where the folders are on different file systems.
 */
async function placeWeights(from: string, out: string, file: string): Promise<'linked' | 'copied'> {
  const source = resolve(from, file);
  if (!source.startsWith(resolve(from) + sep))
    throw new OnnxError(`the model's weights lie outside its folder: ${file}`);
  const target = join(out, file);
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { force: true });
  try {
    await link(source, target);
    return 'linked';
  } catch {
    await copyFile(source, target);
    return 'copied';
  }
}
