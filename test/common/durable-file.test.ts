/** Files and folders that are whole after any end; who may only read has what is there. */
import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFolderDurably, writeDurably } from '../../src/common/durable-file.js';
import { temporaryFolder } from '../concepts/sample.js';

/** Runs `work` as one who may read the folder and not write there, as where it is mounted for reading. */
async function reading(folder: string, work: () => Promise<void>): Promise<void> {
  const { seteuid } = process;
  // Root may write anywhere.
  const asNobody = process.getuid?.() === 0 && seteuid;
  await chmod(folder, 0o555);
  if (asNobody) asNobody(65534);
  try {
    await work();
  } finally {
    if (asNobody) asNobody(0);
    await chmod(folder, 0o755);
  }
}

test('a folder is made with those above it, and what a crash left in it goes', async (t) => {
  const folder = join(await temporaryFolder(t), 'a/b');
  await openFolderDurably(folder);
  await writeDurably(folder, 'kept', Buffer.from('x'));
  await writeFile(join(folder, 'kept.0123.tmp'), 'half');
  await openFolderDurably(folder);
  assert.deepEqual(await readdir(folder), ['kept']);
});

test('where only reading is allowed, what is there can be used and what is missing stays missing', {
  skip: process.platform === 'win32' && 'its permissions are others',
}, async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'there'));
  await writeFile(join(folder, 'there/file'), 'x');
  await reading(folder, async () => {
    await openFolderDurably(join(folder, 'there'));
    await openFolderDurably(join(folder, 'missing'));
    await assert.rejects(openFolderDurably(join(folder, 'missing/below')), { code: 'EACCES' });
    await assert.rejects(openFolderDurably(join(folder, 'there/file/below')), { code: 'ENOTDIR' });
  });
  assert.deepEqual(await readdir(folder), ['there']);
});
