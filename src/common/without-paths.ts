/** Messages for clients, without the paths of this machine: they tell an attacker names and layout, and a user nothing. */
import { homedir, tmpdir } from 'node:os';
import { packageRoot } from './package.js';

/**
 * Absolute paths of two names or more that do not stand in double quotes, where messages show what a client sent. The
 * API's own paths are none of this machine.
 */
const absolute = /(?<![\w"./:~-])(?:[A-Za-z]:)?(?:[\\/](?!v1\/)[\w.@+~%-]+){2,}[\\/]?/g;

const roots = [packageRoot, process.cwd(), homedir(), tmpdir()].filter((root) => root.length > 1);

/** The text with each absolute path cut to its last name: `/srv/steerd/data/keys.json` to `.../keys.json`. */
export function withoutPaths(text: string): string {
  let cut = text.replace(absolute, (path) => `.../${path.split(/[\\/]/).filter(Boolean).at(-1)}`);
  // Names with spaces are not seen above.
  for (const root of roots) cut = cut.replaceAll(`${root}/`, '.../');
  return cut;
}
