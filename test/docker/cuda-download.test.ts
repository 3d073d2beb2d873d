/** How CUDA comes with npm alone: by onnxruntime-node's install script, which an installation does not run by itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { outcome } from './process.js';

const script = createRequire(import.meta.url).resolve('onnxruntime-node/script/install-utils.js');
const read = (path: string) => readFileSync(join(packageRoot, path), 'utf8');

test('an installation fetches no CUDA: npm runs the scripts of packages that the lock file says have some', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { hasInstallScript?: boolean }>;
  };
  assert.equal(packages['node_modules/onnxruntime-node']?.hasInstallScript, undefined);
  assert.equal(packages['node_modules/koffi']?.hasInstallScript, true);
});

test('the variable that the README names fetches it', async () => {
  const [, variable = ''] =
    /ONNXRUNTIME_NODE_INSTALL=(\w+) npm rebuild onnxruntime-node/.exec(read('README.md')) ?? [];
  const print = 'console.log(require(process.argv[1]).parseInstallFlag())';
  const env = { ONNXRUNTIME_NODE_INSTALL: variable };
  assert.equal((await outcome(process.execPath, ['-e', print, script], { env })).output.trim(), 'true');
});
