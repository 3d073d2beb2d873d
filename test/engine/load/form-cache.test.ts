/** Forms kept from one start to the next: whole or not at all, of these very files, and never more than a few. */
import assert from 'node:assert/strict';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { beginKept, findKept, formKey } from '../../../src/engine/load/form-cache.js';
import { decodeForm, encodeForm } from '../../../src/engine/load/form-text.js';
import { pairLevels } from '../../../src/onnx/rewrite/column-levels.js';

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

const weights = Buffer.from(Array.from({ length: 3_000_001 }, (_, i) => (i * 7) % 251));

async function keep(folder: string, key: string, text = `of ${key}`): Promise<void> {
  const kept = await beginKept(folder, key);
  await writeFile(kept.path, weights);
  await kept.keep(text);
}

test('what is kept is found, with its weights first', async (t) => {
  const folder = join(await temporary(t), 'not there yet');
  assert.equal(await findKept(folder, 'a'), null);
  await keep(folder, 'a');
  const found = await findKept(folder, 'a');
  assert.equal(found?.text, 'of a');
  assert.deepEqual((await readFile(found.path)).subarray(0, weights.length), weights);
  assert.equal(await findKept(folder, 'b'), null);
  assert.equal((await readdir(folder)).length, 1, 'no temporary file is left');
});

test('a damaged file is not found, and goes', async (t) => {
  const folder = await temporary(t);
  const damages: ((bytes: Buffer) => Buffer)[] = [
    (bytes) => bytes.subarray(0, bytes.length - 1),
    (bytes) => bytes.subarray(0, weights.length),
    (bytes) => bytes.subarray(0, 3),
    () => Buffer.alloc(0),
    () => Buffer.alloc(weights.length),
    (bytes) => Buffer.concat([bytes, Buffer.of(0)]),
  ];
  for (const at of [0, weights.length - 1, weights.length + 1, weights.length + 5, weights.length + 8])
    damages.push((bytes) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 16;
      return changed;
    });
  for (const [number, damage] of damages.entries()) {
    await keep(folder, 'a');
    const path = (await findKept(folder, 'a'))?.path ?? '';
    await writeFile(path, damage(await readFile(path)));
    assert.equal(await findKept(folder, 'a'), null, `damage ${number}`);
    assert.deepEqual(await readdir(folder), []);
  }
});

test('two at once, and again: each finds a whole one', async (t) => {
  const folder = await temporary(t);
  await Promise.all([keep(folder, 'a'), keep(folder, 'a'), keep(folder, 'a')]);
  assert.equal((await findKept(folder, 'a'))?.text, 'of a');
  assert.equal((await readdir(folder)).length, 1);
});

test('the folder stays small: what was not used for the longest time goes, and what a crash left', async (t) => {
  const folder = await temporary(t);
  const left = join(folder, 'z.0.tmp');
  await writeFile(left, 'half');
  await utimes(left, new Date(0), new Date(0));
  for (let i = 0; i < 8; i++) {
    await keep(folder, `k${i}`, 'x');
    await utimes(join(folder, `k${i}.columns`), new Date(1000 * i), new Date(1000 * i));
  }
  assert.ok(!(await readdir(folder)).includes('z.0.tmp'));
  assert.ok(await findKept(folder, 'k0'), 'which is a use');
  await keep(folder, 'new');
  assert.equal((await readdir(folder)).length, 8);
  assert.equal(await findKept(folder, 'k1'), null);
  for (const key of ['k0', 'k2', 'new']) assert.ok(await findKept(folder, key), key);
});

test('a folder that cannot be written to refuses; what is in it is found', async (t) => {
  const folder = await temporary(t);
  await keep(folder, 'a');
  await writeFile(join(folder, 'file'), '');
  await assert.rejects(beginKept(join(folder, 'file'), 'a'));
  if (process.getuid?.() === 0) return;
  await chmod(folder, 0o500);
  t.after(() => chmod(folder, 0o700));
  await assert.rejects(beginKept(folder, 'b'));
  assert.ok(await findKept(folder, 'a'));
});

test('the name follows the files, their times, the fingerprint and the rest', async (t) => {
  const folder = await temporary(t);
  await mkdir(join(folder, 'model'));
  const model = join(folder, 'model');
  await writeFile(join(model, 'a'), 'weights');
  await writeFile(join(model, 'b'), 'weights');
  const of = (files: string[], fingerprint: string, more: unknown[]) =>
    formKey(model, files, fingerprint, more);
  const first = await of(['a'], 'f', [1]);
  assert.equal(await of(['a'], 'f', [1]), first);
  const others = [
    await of(['b'], 'f', [1]),
    await of(['a', 'b'], 'f', [1]),
    await of(['a'], 'g', [1]),
    await of(['a'], 'f', [2]),
  ];
  await utimes(join(model, 'a'), new Date(0), new Date(0));
  others.push(await of(['a'], 'f', [1]));
  await appendFile(join(model, 'a'), '!');
  others.push(await of(['a'], 'f', [1]));
  assert.equal(new Set([first, ...others]).size, others.length + 1);
});

test('a form as text comes back to the bit; other text is none', () => {
  const scales = Float32Array.of(0.1, 1e-42, -0, Number.POSITIVE_INFINITY, Number.NaN, 3);
  const written = [{ name: 'w', location: 'x', offset: 64, bytes: 6, dataType: 3, shape: [1, 6] }];
  const form = {
    levels: pairLevels,
    groups: new Map([
      ['g', { factors: scales, repeated: [1, 1, 4] }],
      ['h', { factors: null, repeated: [] }],
    ]),
    products: new Map([['p', { weight: 'w', scales }]]),
  };
  assert.deepEqual(decodeForm(encodeForm({ form, written })), { form, written });
  const levels = '"levels": {"weight": 1, "activation": 1}';
  const bad = `{${levels}, "groups": [], "products": [["p", {}]], "written": []}`;
  for (const text of ['', '{}', '[1', bad, '{"groups": [], "products": [], "written": []}'])
    assert.equal(decodeForm(text), null);
});
