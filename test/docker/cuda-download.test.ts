/** How CUDA comes with npm alone: onnxruntime-node's install script, asked through its variable, in spite of .npmrc. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { outcome } from './process.js';

const script = createRequire(import.meta.url).resolve('onnxruntime-node/script/install-utils.js');

/** What the script makes of the variable when npm also hands it .npmrc's line. */
async function decision(variable: string): Promise<string> {
  const [, setting = ''] =
    /^onnxruntime-node-install=(\S+)$/m.exec(readFileSync(join(packageRoot, '.npmrc'), 'utf8')) ?? [];
  const print = 'console.log(require(process.argv[1]).parseInstallFlag())';
  const env = { npm_config_onnxruntime_node_install: setting, ONNXRUNTIME_NODE_INSTALL: variable };
  return (await outcome(process.execPath, ['-e', print, script], { env })).output.trim();
}

test('the variable that the README names fetches what .npmrc skips', async () => {
  const [, variable = ''] =
    /ONNXRUNTIME_NODE_INSTALL=(\w+) npm ci/.exec(readFileSync(join(packageRoot, 'README.md'), 'utf8')) ?? [];
  assert.equal(await decision(''), 'false');
  assert.equal(await decision(variable), 'true');
});
