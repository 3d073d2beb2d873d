import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { settingNames, settingsTable } from '../../src/config.js';
import { cli, steerd } from '../helpers/steerd-command.js';

test('serve --help lists every flag with its variable', async () => {
  const { code, out } = await steerd(['serve', '--help']);
  assert.equal(code, 0);
  const words = out.replace(/\s+/g, ' ');
  for (const name of settingNames) {
    const { flag, env } = settingsTable[name];
    assert.ok(words.includes(flag ?? `${env}, by environment only:`), env);
    if (flag !== null) assert.ok(words.includes(`(${env}; default:`), env);
  }
});

test('a bad setting ends with code 2 and names the variable', async () => {
  const { code, err } = await steerd(['serve'], { PORT: 'eighty' });
  assert.equal(code, 2);
  assert.equal(err, 'PORT must be an integer from 0 to 65535; received "eighty".\n');
});

test('a misspelt flag ends with code 2 and a suggestion', async () => {
  const { code, err } = await steerd(['serve', '--prot', '1']);
  assert.equal(code, 2);
  assert.match(err, /Did you mean --port\?/);
});

test('a command whose reader leaves ends without a word', async () => {
  const child = spawn(process.execPath, [cli, 'serve', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  // As `head` does, before there is anything to read.
  child.stdout.destroy();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code] = (await once(child, 'close')) as [number];
  assert.deepEqual([code, said], [141, '']);
});
