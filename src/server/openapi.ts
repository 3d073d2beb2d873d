/**
 * `node dist/src/server/openapi.js` writes openapi/openapi.json; with `--check` it only compares, and exits with 1
 * when the file is not what the schemas say.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packageRoot } from '../common/package-root.js';
import { openapiDocument } from './openapi-document.js';

const path = join(packageRoot, 'openapi', 'openapi.json');
const document = await openapiDocument();

if (process.argv.includes('--check')) {
  const committed = await readFile(path, 'utf8').catch(() => '');
  if (committed !== document) {
    process.stderr.write(`${path} is out of date; run: npm run build && node dist/src/server/openapi.js\n`);
    process.exitCode = 1;
  }
} else {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, document);
}
