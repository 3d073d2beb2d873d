/**
 * `node dist/src/server/openapi.js` writes openapi/openapi.json; with `--check` it only compares, and exits with 1
 * when the file is not what the schemas say.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { packageRoot } from '../common/package.js';
import { buildApp } from './app.js';
import type { Services } from './services.js';

const path = join(packageRoot, 'openapi', 'openapi.json');
/** Routes use services only when they are called, and none is. */
const unused = {} as Services;
const app = await buildApp(unused, { settings: { bodyLimit: 1024 }, log: pino({ level: 'silent' }) });
const document = `${JSON.stringify(app.swagger(), null, 2)}\n`;
await app.close();

if (process.argv.includes('--check')) {
  const committed = await readFile(path, 'utf8').catch(() => '');
  if (committed !== document) {
    process.stderr.write(`${path} is out of date; run: npm run openapi\n`);
    process.exitCode = 1;
  }
} else {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, document);
}
