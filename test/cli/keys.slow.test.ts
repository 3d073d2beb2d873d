/** `steerd keys` by several processes at once. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readKeys } from '../../src/access/key-store.js';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

function steerd(args: readonly string[]) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [cli, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

test('eight keys made at once are eight keys', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-keys-'));
  try {
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, i) => steerd(['keys', 'add', `number ${i}`, '--data-dir', folder])),
    );
    assert.deepEqual(
      made.map(({ code }) => code),
      Array(8).fill(0),
      made.map(({ stderr }) => stderr).join(''),
    );
    const keys = (await readKeys(folder)) ?? [];
    assert.deepEqual(
      keys.map(({ name }) => name).sort(),
      Array.from({ length: 8 }, (_, i) => `number ${i}`),
    );
    const secrets = made.map(({ stdout }) => stdout.trim());
    for (const secret of secrets) {
      const hash = createHash('sha256').update(secret).digest('hex');
      assert.ok(keys.some((key) => key.hash === hash));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
