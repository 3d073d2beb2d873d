/** Paths of the server's machine that messages hold do not reach clients; what a client sent stays as it was. */
import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { test } from 'node:test';
import { withoutPaths } from '../../src/common/without-paths.js';
import { errors } from '../../src/errors.js';
import { explain } from '../../src/http/error-reply.js';

test('absolute paths lose their folders', () => {
  for (const [text, told] of [
    [
      "EACCES: permission denied, open '/srv/steerd/data/keys.json'",
      "EACCES: permission denied, open '.../keys.json'",
    ],
    ['opening /srv/steerd/data/concepts failed: EIO', 'opening .../concepts failed: EIO'],
    ['C:\\Users\\me\\data is full', '.../data is full'],
    [`${homedir()}/with a space/x`, '.../with a space/x'],
  ] as const) {
    assert.equal(withoutPaths(text), told);
  }
});

test('URLs, paths of the API, fractions and what the client sent stay', () => {
  for (const text of [
    'GET /v1/concepts/{name} does not exist',
    'POST /v1/concepts/ocean/calibrate measures it',
    'https://hub.example/a/b has no file',
    'model "/etc/passwd/x" does not exist',
    'application/json and text/html',
    '3/4/5 of it, and/or more; GET /docs lists',
  ]) {
    assert.equal(withoutPaths(text), text);
  }
});

test('an error of storage or of the engine is told without what only the log should have', () => {
  const context = { requestId: 'r1', bodyLimit: 1, contentType: undefined, path: '' };
  const stored = explain(errors.storageFailed('storing', "open '/srv/data/x'", false), context);
  assert.deepEqual([stored.code, stored.message.includes('/srv')], ['storage_failed', false]);
  const failed = explain(errors.engineFailed('tiny', 'Ort: /usr/lib/libonnx.so: bad alloc at 0x7f'), context);
  assert.deepEqual([failed.code, failed.status], ['engine_failed', 500]);
  assert.match(failed.message, /log says why under request id r1/);
  assert.doesNotMatch(failed.message, /Ort|lib|0x/);
});
