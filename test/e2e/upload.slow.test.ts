/** Checkpoints sent to a server elsewhere by `steerd import --server`: a GGUF and a folder of safetensors, up to steered answers. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import type { ErrorBody } from '../../src/schemas/errors.js';
import { steerd } from '../helpers/steerd-command.js';
import { startTiny } from './tiny-server.js';

const checkpoints = join(packageRoot, 'test/fixtures/checkpoints');
const key = 'sk-upload-0123456789';

test('a GGUF and a folder of safetensors are sent, built and steered; one that is too large is refused', async (t) => {
  const server = await startTiny(t, { STEERD_UPLOAD_LIMIT: '1', STEERD_API_KEY: key });
  const ask = async (path: string, body?: object, method = 'POST') => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const reply = await fetch(server.url + path, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    assert.equal(reply.status, 200, text);
    return JSON.parse(text);
  };
  for (const [file, name] of [
    ['llama-q8_0.gguf', 'sent'],
    ['qwen2', 'sent-folder'],
  ] as const) {
    const args = ['import', join(checkpoints, file), '--server', server.url, '--name', name];
    const without = await steerd(args);
    assert.deepEqual([without.code, /API key/.test(without.err)], [3, true], without.err);
    const { code, out, err } = await steerd(args, { STEERD_API_KEY: key });
    assert.deepEqual([code, out.startsWith(`built ${name} (`)], [0, true], err);
    const again = await steerd(args, { STEERD_API_KEY: key });
    assert.deepEqual([again.code, /there is a model|exists/.test(again.err)], [2, true], again.err);

    const vectors = { 1: Array.from({ length: 64 }, (_, i) => Math.sin(i)) };
    await ask(`/v1/concepts/wave/vectors?model=${name}`, { vectors }, 'PUT');
    const request = { model: name, prompt: 'The sea', max_tokens: 8, temperature: 0 };
    const plain = await ask('/v1/completions', request);
    const steered = await ask('/v1/completions', { ...request, concept: 'wave', strength: 8 });
    assert.notEqual(steered.choices[0].text, plain.choices[0].text);
  }
  const large = await fetch(`${server.url}/v1/models/import?name=large`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${key}` },
    body: Buffer.alloc(2 ** 20 + 1),
  });
  assert.deepEqual([large.status, ((await large.json()) as ErrorBody).error.code], [413, 'upload_too_large']);
  assert.deepEqual(
    (await readdir(server.modelsDirectory)).filter((name) => name.startsWith('.') || name.includes('large')),
    [],
  );
});
