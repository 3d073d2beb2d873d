/**
 * The directories that models lie in: those of the setting, separated as in PATH, and the package's own behind them, so
 * that the embedded model is always there. Of two models of one name the first is meant.
 */
import { stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { packageRoot } from '../../common/package.js';
import { settingsTable } from '../../config.js';

const embedded = join(packageRoot, 'models');

/** Whether it is the folder of the model that comes with steerd. */
export const isEmbedded = (folder: string): boolean =>
  resolve(folder) === join(embedded, settingsTable.model.fallback);

/** Never empty. What is pulled and built goes into the first. */
export function modelPlaces(setting: string): readonly string[] {
  const given = setting
    .split(delimiter)
    .map((path) => path.trim())
    .filter((path) => path !== '');
  const places = given.some((path) => resolve(path) === embedded) ? given : [...given, embedded];
  return [...new Set(places)];
}

/** Where new models go. */
export const ownPlace = (setting: string): string => modelPlaces(setting)[0] ?? embedded;

/** The folder of a model by its name: the first that there is, or where it would be made. */
export async function folderOfModel(setting: string, name: string): Promise<string> {
  for (const place of modelPlaces(setting)) {
    const folder = join(place, name);
    if ((await stat(folder).catch(() => null))?.isDirectory()) return folder;
  }
  return join(ownPlace(setting), name);
}
