#!/usr/bin/env node
/** The `steerd` command of a package or a clone. A clone that is not compiled yet says so. */
import { existsSync } from 'node:fs';

const cli = new URL('../dist/src/cli.js', import.meta.url);
if (existsSync(cli)) await import(cli.href);
else {
  process.stderr.write('steerd is not compiled yet; up to a minute: npm run build\n');
  process.exitCode = 1;
}
