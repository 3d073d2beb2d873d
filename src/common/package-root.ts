/** Where the installed package lies: the nearest folder above this file that holds `package.json`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('steerd is not inside an npm package: no package.json above it');
    folder = parent;
  }
  return folder;
}

/** Absolute path of the package: `models/`, `openapi/` and `package.json` lie directly under it. */
export const packageRoot: string = findPackageRoot();
