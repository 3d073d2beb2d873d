/** The files of weights that a pulled graph names, in the repository it came from. */
import { errors, shown } from '../../errors.js';
import { folderOf, inside, isSafePath } from '../../hub/file-path.js';
import type { ListedFile, Snapshot } from '../../hub/hub.js';
import { manifestFile } from '../disk/manifest.js';

/**
 * The weights that the graph names, by that name.
 * @throws SteerdError model_unsupported when they lie outside its folder, or the repository lacks them
 */
export function weightsOf(
  { repository, files }: Snapshot,
  graph: ListedFile,
  names: readonly string[],
  taken: ReadonlyMap<string, unknown>,
): Map<string, ListedFile> {
  const refuse = (reason: string) => errors.pullUnsupported(repository, graph.path, reason);
  return new Map(
    names.map((name) => {
      const path = name.replace(/^(\.\/)+/, '');
      if (!isSafePath(path)) throw refuse(`it has weights outside its folder: ${shown(name)}`);
      if (taken.has(path) || path === manifestFile) throw refuse(`it calls its weights ${shown(name)}`);
      const file = files.find((one) => one.path === inside(folderOf(graph.path), path));
      if (file === undefined) throw refuse(`its weights ${shown(name)} are not in the repository`);
      return [path, file];
    }),
  );
}
