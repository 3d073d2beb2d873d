/** A start with kept weights computes what one without does, to the bit, whatever became of the kept ones. */
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { embeddedDirectory, logprobs } from '../../helpers/embedded-model.js';
import { score, startEngine } from '../../helpers/engine.js';

test('the embedded model: first and later starts, two at once, a damaged and a read-only folder', async (t) => {
  const cacheDirectory = await mkdtemp(join(tmpdir(), 'steerd-'));
  t.after(async () => {
    await chmod(cacheDirectory, 0o700);
    await rm(cacheDirectory, { recursive: true });
  });
  const ids = logprobs.ids.slice(0, 48);
  const scores = async (cache: string | null) => {
    const settings = { arithmetic: 'columns', capacity: 64, cacheDirectory: cache } as const;
    const engine = await startEngine(embeddedDirectory, settings);
    try {
      assert.ok(engine.notes.some((note) => /by column/.test(note)));
      return await score(engine, ids);
    } finally {
      await engine.close();
    }
  };
  const expected = await scores(null);
  for (const made of await Promise.all([scores(cacheDirectory), scores(cacheDirectory)]))
    assert.deepEqual(made, expected);
  const [name = '', ...others] = await readdir(cacheDirectory);
  assert.deepEqual(others, []);
  assert.deepEqual(await scores(cacheDirectory), expected);
  await truncate(join(cacheDirectory, name), 1_000_000);
  assert.deepEqual(await scores(cacheDirectory), expected);
  await chmod(cacheDirectory, 0o500);
  assert.deepEqual(await scores(cacheDirectory), expected);
  assert.deepEqual(await readdir(cacheDirectory), [name]);
});
