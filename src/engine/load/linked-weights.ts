/**
 * Weights behind links: a Hugging Face cache keeps a model as a folder of links to blobs elsewhere, and ONNX Runtime
 * refuses weights that lie outside the folder that it is told of. So it is told of a folder that holds both, and where in
 * it each file is. A location in the graph that itself leads out of the model's folder stays refused.
 */
import { realpath } from 'node:fs/promises';
import { dirname, relative, resolve, sep } from 'node:path';
import { externalDataFiles } from '../../onnx/graph/model-file.js';
import type { ModelProto } from '../../onnx/schema/onnx_pb.js';

interface WeightsPlace {
  /** What the locations are relative to. */
  readonly directory: string;
  /** From the graph's locations to those in `directory`; none where nothing is linked. */
  readonly locations: ReadonlyMap<string, string>;
}

/**
 * @param files locations of external data, relative to the model's folder
 */
export async function placeOfWeights(directory: string, files: readonly string[]): Promise<WeightsPlace> {
  const own = await realpath(directory);
  const inside = (path: string, folder: string) =>
    path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  const targets = new Map<string, string>();
  for (const file of files) {
    if (!inside(resolve(directory, file), resolve(directory))) continue;
    const target = await realpath(resolve(directory, file)).catch(() => null);
    if (target !== null) targets.set(file, target);
  }
  if ([...targets.values()].every((target) => inside(target, own))) {
    return { directory, locations: new Map() };
  }
  let root = own;
  for (const target of targets.values()) while (!inside(target, root)) root = dirname(root);
  const locations = [...targets].map(([file, target]): [string, string] => [file, relative(root, target)]);
  return { directory: root, locations: new Map(locations) };
}

/** Writes the places into a graph that is about to be serialised. */
export async function relocateWeights(model: ModelProto, directory: string): Promise<ModelProto> {
  const { locations } = await placeOfWeights(directory, externalDataFiles(model));
  if (locations.size === 0) return model;
  for (const { externalData } of model.graph?.initializer ?? []) {
    const entry = externalData.find(({ key }) => key === 'location');
    const place = entry && locations.get(entry.value);
    if (entry && place !== undefined) entry.value = place;
  }
  return model;
}
