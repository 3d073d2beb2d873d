/** The arithmetic of docs/scale.md: laws that hold for any shape, known figures, and the document's tables. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../deploy/manifests.js';
import {
  conceptBytes,
  decodeCeiling,
  gibibyte,
  kvBytesPerToken,
  sequences,
  serversFor,
  shapes,
  tables,
  weightBytes,
} from './sizing.js';

test('known figures: keys and values of a Llama 3.1 8B take 128 KiB a token, a concept of it half a MiB', () => {
  const [llama] = shapes;
  assert.ok(llama !== undefined);
  assert.equal(kvBytesPerToken(llama), 128 * 1024);
  assert.equal(conceptBytes(llama), 512 * 1024);
});

test('what is said to fit fits, and one more does not; more streams decode more, each of them less', () => {
  for (const shape of shapes) {
    const memory = 75 * gibibyte;
    const most = sequences(shape, 'int4', memory, 4096);
    const taken = (streams: number) => weightBytes(shape, 'int4') + streams * 4096 * kvBytesPerToken(shape);
    assert.ok(taken(most) <= memory && taken(most + 1) > memory, shape.name);
    const at = (streams: number) => decodeCeiling(shape, 'int4', { bandwidth: 1e12, streams, tokens: 4096 });
    for (const streams of [1, 2, 8]) {
      assert.ok(at(2 * streams) > at(streams));
      assert.ok(at(2 * streams) / 2 < at(streams));
    }
    assert.equal(serversFor(most, most), 2);
    assert.equal(serversFor(most + 1, most), 3);
  }
});

test('docs/scale.md has the tables as they come out', () => {
  const document = readFileSync(join(root, 'docs/scale.md'), 'utf8');
  for (const [name, table] of Object.entries(tables()))
    assert.ok(document.includes(table), `"${name}" differs: npm run sizing`);
});
