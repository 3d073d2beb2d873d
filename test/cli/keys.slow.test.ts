/** `steerd keys` by several processes at once. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readKeys } from '../../src/access/key-store.js';
import { steerd } from '../helpers/steerd-command.js';

test('eight keys made at once are eight keys', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-keys-'));
  try {
    const made = await Promise.all(
      Array.from({ length: 8 }, (_, i) => steerd(['keys', 'add', `number ${i}`, '--data-dir', folder])),
    );
    assert.deepEqual(
      made.map(({ code }) => code),
      Array(8).fill(0),
      made.map(({ err }) => err).join(''),
    );
    const keys = (await readKeys(folder)) ?? [];
    assert.deepEqual(
      keys.map(({ name }) => name).sort(),
      Array.from({ length: 8 }, (_, i) => `number ${i}`),
    );
    const secrets = made.map(({ out }) => out.trim());
    for (const secret of secrets) {
      const hash = createHash('sha256').update(secret).digest('hex');
      assert.ok(keys.some((key) => key.hash === hash));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
