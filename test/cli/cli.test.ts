import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { settingNames, settingsTable } from '../../src/config.js';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

function steerd(args: readonly string[], environment: Record<string, string> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, ...environment };
    execFile(process.execPath, [cli, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

test('serve --help lists every flag with its variable', async () => {
  const { code, stdout } = await steerd(['serve', '--help']);
  assert.equal(code, 0);
  const words = stdout.replace(/\s+/g, ' ');
  for (const name of settingNames) {
    const { flag, env } = settingsTable[name];
    assert.ok(words.includes(flag ?? `${env}, by environment only:`), env);
    if (flag !== null) assert.ok(words.includes(`(${env}; default:`), env);
  }
});

test('a bad setting ends with code 2 and names the variable', async () => {
  const { code, stderr } = await steerd(['serve'], { PORT: 'eighty' });
  assert.equal(code, 2);
  assert.equal(stderr, 'PORT must be an integer from 0 to 65535; received "eighty".\n');
});

test('a misspelt flag ends with code 2 and a suggestion', async () => {
  const { code, stderr } = await steerd(['serve', '--prot', '1']);
  assert.equal(code, 2);
  assert.match(stderr, /Did you mean --port\?/);
});
