/** Uploads are read in a thread of their own when they are long; what comes out, and what is refused, is the same. */
import assert from 'node:assert/strict';
import { setMaxListeners } from 'node:events';
import { test } from 'node:test';
import { conceptOfFile } from '../../src/concepts/vector-file.js';
import { readVectors, shortFile } from '../../src/concepts/vector-reader.js';
import { SteerdError } from '../../src/errors.js';

const layers = 20;
const hiddenSize = 1500;
const target = {
  name: 'long',
  model: 'tiny',
  modelFingerprint: 'f'.repeat(64),
  modelType: null,
  layers,
  hiddenSize,
  force: false,
};
const rows = Array.from({ length: layers }, (_, layer) => [
  layer,
  Array.from({ length: hiddenSize }, (_, i) => Math.sin(1 + layer * hiddenSize + i)),
]);
const fileOf = (value: unknown) => ({
  bytes: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
  format: undefined,
  contentType: 'application/json',
  target,
});
const good = fileOf({ vectors: Object.fromEntries(rows) });
const stay = () => new AbortController().signal;

test('a long file gives the concept that reading it here gives, and the thread that tells is the other one', async () => {
  assert.ok(good.bytes.length > shortFile);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const concept = await readVectors(good, stay());
  clearInterval(timer);
  assert.equal(concept.version, conceptOfFile(good).version);
  assert.deepEqual(concept, conceptOfFile(good));
  assert.ok(turns > 3, 'other work went on meanwhile');
});

test('what is wrong with a long file is said as of a short one', async () => {
  const bad = fileOf({ vectors: { ...Object.fromEntries(rows), 99: [1] } });
  const said = (read: () => unknown) =>
    Promise.resolve()
      .then(read)
      .then(
        () => assert.fail('it was read'),
        (error: unknown) => {
          assert.ok(error instanceof SteerdError);
          const { code, status, message, param } = error;
          return { code, status, message, param };
        },
      );
  for (const file of [
    bad,
    fileOf(`{"vectors": ${' '.repeat(shortFile)}`),
    fileOf(`"${'x'.repeat(shortFile)}"`),
  ]) {
    assert.deepEqual(await said(() => readVectors(file, stay())), await said(() => conceptOfFile(file)));
  }
});

test('few files wait, one more is refused, and whoever leaves waits no longer', async () => {
  const leaving = new AbortController();
  setMaxListeners(0, leaving.signal);
  const first = readVectors(good, leaving.signal);
  const waiting = Array.from({ length: 7 }, () => readVectors(good, leaving.signal));
  const outcomes = Promise.allSettled([first, ...waiting]);
  await assert.rejects(
    readVectors(good, stay()),
    (error: unknown) => (error as SteerdError).code === 'queue_full',
  );
  leaving.abort(new Error('left'));
  for (const outcome of await outcomes) {
    assert.ok(outcome.status === 'rejected' && (outcome.reason as Error).message === 'left');
  }
  assert.equal((await readVectors(good, stay())).name, 'long');
});
