/**
 * Which data directory is meant when nobody says: one place of the user's, whatever the working directory is. It was `./data`
 * once, and keys that stand there must not be missed: where it has keys or concepts it goes on being used, and where both
 * places have some the user is asked, for either choice could open a server that somebody has closed.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { conceptExtension } from '../concepts/concept-folder.js';
import { ConfigError, settingsTable } from '../config.js';

/** Where data was kept by default before 0.2: relative to the working directory. */
export const oldDataDirectory = './data';

/**
 * @param place the user's data directory
 * @param workingDirectory where an old one may stand
 * @returns `place`, or `oldDataDirectory`
 * @throws ConfigError when both have keys or concepts
 */
export function usualDataDirectory(place: string, workingDirectory: string = process.cwd()): string {
  const old = resolve(workingDirectory, oldDataDirectory);
  if (old === resolve(place) || !hasData(old)) return place;
  if (!hasData(place)) return oldDataDirectory;
  throw new ConfigError(
    `${settingsTable.dataDirectory.env} must say which folder is meant, since there are API keys or concepts in both ${old} and ${place}; received nothing. Set it, or put the files of one into the other.`,
  );
}

/** The directory that is in use, and why where it follows the working directory. */
export function shownPlace(dataDirectory: string): string {
  const place = resolve(dataDirectory);
  if (isAbsolute(dataDirectory)) return place;
  const variable = settingsTable.dataDirectory.env;
  return dataDirectory === oldDataDirectory
    ? `${place} (${dataDirectory} of the working directory is used where it has API keys or concepts; ${variable} sets it)`
    : `${place} (${dataDirectory} of the working directory; ${variable} sets it)`;
}

/** Whether a folder has keys, or a concept. What cannot be looked at may be keys. */
function hasData(folder: string): boolean {
  // The link and not what it leads to: keys whose volume is not mounted are keys.
  if (found(() => lstatSync(join(folder, 'keys.json')))) return true;
  return found(() => readdirSync(join(folder, 'concepts')).some((name) => name.endsWith(conceptExtension)));
}

function found(look: () => unknown): boolean {
  try {
    return look() !== false;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}
