/** What a build leaves behind, and what a change reaches. */
import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../concepts/sample.js';
import { pruneDist } from './dist.js';
import { reachedBy } from './reached-tests.js';

test('what was compiled of sources that are gone is deleted, and nothing else', async (t) => {
  const root = await temporaryFolder(t);
  const write = async (file: string) => {
    await mkdir(join(root, dirname(file)), { recursive: true });
    await writeFile(join(root, file), '');
  };
  for (const file of [
    'src/a.ts',
    'dist/src/a.js',
    'dist/src/a.js.map',
    'dist/src/data.json',
    'dist/.tsbuildinfo',
  ])
    await write(file);
  assert.deepEqual(pruneDist(root), []);
  for (const file of ['dist/src/b.js', 'dist/routes/v1/old/c.js', 'dist/routes/v1/old/c.js.map'])
    await write(file);
  assert.equal(pruneDist(root).length, 3);
  assert.deepEqual((await readdir(join(root, 'dist'))).sort(), ['.tsbuildinfo', 'src']);
  assert.deepEqual((await readdir(join(root, 'dist/src'))).sort(), ['a.js', 'a.js.map', 'data.json']);
});

test('a change reaches what imports it, however far, and a route the application', () => {
  const imports = [
    { from: 'test/a.test.ts', to: 'test/helper.ts' },
    { from: 'test/helper.ts', to: 'deep/one.ts' },
    { from: 'deep/one.ts', to: 'deep/two.ts' },
    { from: 'deep/two.ts', to: 'deep/one.ts' },
    { from: 'test/b.test.ts', to: 'server/app.ts' },
  ];
  const tests = (changed: string) =>
    [...reachedBy([changed], imports)].filter((file) => file.endsWith('.test.ts'));
  assert.deepEqual(tests('src/deep/two.ts'), ['test/a.test.ts']);
  assert.deepEqual(tests('test/b.test.ts'), ['test/b.test.ts']);
  assert.deepEqual(tests('routes/v1/chat.ts'), ['test/b.test.ts']);
});
