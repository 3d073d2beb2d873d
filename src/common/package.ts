/** The installed npm package: its folder and its version. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The nearest folder above this file that holds `package.json`: the depth differs between `dist/` and a test. */
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

const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };

/** `version` in package.json, such as "0.1.0". */
export const packageVersion: string = manifest.version;
