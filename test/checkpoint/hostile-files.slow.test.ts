/** Files that lie: each is refused with a clear error or read within its own bounds, and takes no memory for its claims. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import { packageRoot } from '../../src/common/package.js';
import { Random } from '../../src/common/random.js';
import { SteerdError } from '../../src/errors.js';

const fixtures = join(packageRoot, 'test/fixtures/checkpoints');
let scratch: string;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'hostile-'));
});
after(() => rm(scratch, { recursive: true }));

/** Opens and reads everything, as a build does. */
async function readAll(path: string): Promise<void> {
  const checkpoint = await openCheckpoint(path);
  try {
    for (const { shape, rows, raw } of checkpoint.tensors.values()) {
      const count = shape.length < 2 ? 1 : (shape[0] ?? 0);
      await rows(0, count);
      await raw(0, count);
    }
    for (const load of checkpoint.files.values()) await load();
  } finally {
    await checkpoint.close();
  }
}

const refuses = (path: string, message: RegExp) =>
  assert.rejects(readAll(path), (error: unknown) => {
    assert.ok(error instanceof SteerdError, String(error));
    assert.match(error.message, message);
    return true;
  });

/** The fixture with some bytes changed. */
async function changedGguf(name: string, change: (bytes: Buffer) => Buffer | undefined): Promise<string> {
  const bytes = await readFile(join(fixtures, 'llama-q8_0.gguf'));
  const path = join(scratch, name);
  await writeFile(path, change(bytes) ?? bytes);
  return path;
}

const after8 = (bytes: Buffer, text: string) => bytes.indexOf(text) + text.length;

test('GGUF: counts of 2^60 are refused before anything is made for them', async () => {
  for (const [name, at] of [
    ['tensors', 8],
    ['keys', 16],
    ['the length of metadata key 0', 24],
  ] as const) {
    const path = await changedGguf('count.gguf', (bytes) => {
      bytes.writeBigUInt64LE(2n ** 60n, at);
      return bytes;
    });
    await refuses(path, new RegExp(`${name}.* is 1152921504606846976; the limit is|cannot be read`));
  }
  const path = await changedGguf('array.gguf', (bytes) => {
    bytes.writeBigUInt64LE(2n ** 60n, after8(bytes, 'tokenizer.ggml.tokens') + 8);
    return bytes;
  });
  await refuses(path, /the length of "tokenizer.ggml.tokens" is 1152921504606846976/);
});

test('GGUF: a tensor past the end, and one that overlaps another', async () => {
  const offsetOf = (bytes: Buffer, name: string) => after8(bytes, name) + 4 + 16 + 4;
  const past = await changedGguf('past.gguf', (bytes) => {
    bytes.writeBigUInt64LE(BigInt(bytes.length - (bytes.length % 32)), offsetOf(bytes, 'output.weight'));
    return bytes;
  });
  await refuses(past, /"output.weight" ends at byte \d+ of the file, which has/);
  const over = await changedGguf('over.gguf', (bytes) => {
    bytes.writeBigUInt64LE(64n, offsetOf(bytes, 'output.weight'));
    return bytes;
  });
  await refuses(over, /overlap/);
  const large = await changedGguf('large.gguf', (bytes) => {
    bytes.writeBigUInt64LE(2n ** 52n, after8(bytes, 'output.weight') + 4 + 8);
    return bytes;
  });
  await refuses(large, /"output.weight" ends at byte/);
});

test('GGUF: a scale that is no number', async () => {
  const path = await changedGguf('nan.gguf', (bytes) => {
    bytes.writeUInt16LE(0x7e00, bytes.length - 256 - 34);
    return bytes;
  });
  await refuses(path, /values that are no numbers/);
});

test('GGUF: a token that stands twice, merges that are no pairs, an architecture nobody knows', async () => {
  const same = (text: string, other: string) => (bytes: Buffer) => {
    bytes.write(other, bytes.indexOf(text));
    return bytes;
  };
  const twice = await changedGguf('twice.gguf', (bytes) => {
    // "<s>" and "</s>" are of different lengths; two of the single characters are not.
    bytes.write('!', after8(bytes, '<|system|>') + 8 + 1 + 8);
    return bytes;
  });
  await refuses(twice, /has "!" twice/);
  await refuses(await changedGguf('arch.gguf', same('llama', 'lamma')), /"lamma" is not supported; llama, /);
});

test('safetensors: shards that lead elsewhere, shards that are missing, tensors that are nowhere', async () => {
  const folder = join(scratch, 'sharded');
  await mkdir(folder, { recursive: true });
  for (const file of ['config.json', 'model.safetensors']) {
    await cp(join(fixtures, 'llama', file), join(folder, file));
  }
  const index = (map: object) =>
    writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  for (const shard of ['../model.safetensors', '/etc/passwd', 'a/model.safetensors', '.safetensors', 7]) {
    await index({ 'model.norm.weight': shard });
    await refuses(folder, /must be .safetensors files beside it/);
  }
  await index({ 'model.norm.weight': 'model-00001-of-00002.safetensors' });
  await refuses(folder, /model-00001-of-00002.safetensors.*missing/);
  await index({ 'model.norm.weight': 'model.safetensors', 'model.other': 'model.safetensors' });
  await refuses(folder, /tensor "model.other" is not in model.safetensors/);
  await index({ 'model.norm.weight': 'model.safetensors' });
  const checkpoint = await openCheckpoint(folder);
  assert.deepEqual([...checkpoint.tensors.keys()], ['model.norm.weight']);
  await checkpoint.close();
});

test('what is no checkpoint is called by what it is', async () => {
  const path = join(scratch, 'page.gguf');
  await writeFile(path, '<!doctype html><html>Sign in</html>');
  await refuses(path, /an HTML page/);
  await refuses(join(scratch, 'nothing-here'), /no such file or folder/);
  await mkdir(join(scratch, 'empty'), { recursive: true });
  await refuses(join(scratch, 'empty'), /neither config.json/);
  await refuses(join(packageRoot, 'package.json'), /neither GGUF nor safetensors|a JSON object/);
});

/** One change of bytes, of the kinds that damage and malice make. */
function mutate(random: Random, bytes: Buffer, head: number): Buffer {
  const below = (count: number) => Math.floor(random.uniform() * count);
  const changed = Buffer.from(bytes);
  const at = below(head);
  switch (below(7)) {
    case 0:
      return changed.subarray(0, below(changed.length));
    case 1:
      changed.writeUInt8(below(256), at);
      return changed;
    case 2:
      changed.writeBigUInt64LE(1n << BigInt(below(64)), Math.min(at, changed.length - 8));
      return changed;
    case 3:
      changed.writeUInt32LE(random.bits(), Math.min(at, changed.length - 4));
      return changed;
    case 4:
      return Buffer.concat([changed.subarray(0, at), changed.subarray(at + 1 + below(16))]);
    case 5:
      return Buffer.concat([
        changed.subarray(0, at),
        changed.subarray(below(head), head),
        changed.subarray(at),
      ]);
    default: {
      // A digit, which in JSON is an offset or a size.
      const digit = changed.subarray(0, head).findIndex((byte, i) => i >= at && byte >= 0x30 && byte <= 0x39);
      if (digit >= 0) changed.writeUInt8(0x30 + below(10), digit);
      return changed;
    }
  }
}

test('2,400 seeded mutations: an answer or a clear error, and no memory for what is only claimed', async () => {
  const random = new Random(15);
  const folder = join(scratch, 'fuzzed');
  await cp(join(fixtures, 'llama'), folder, { recursive: true });
  const [gguf, weights] = await Promise.all([
    readFile(join(fixtures, 'llama-q8_0.gguf')),
    readFile(join(folder, 'model.safetensors')),
  ]);
  // Tensors' bytes are where these heads end.
  const heads = [12_500, 8 + Number(weights.readBigUInt64LE(0))] as const;
  const before = process.memoryUsage().rss;
  let most = 0;
  let refused = 0;
  for (let i = 0; i < 2_400; i++) {
    const isGguf = i % 2 === 0;
    const path = isGguf ? join(scratch, 'fuzzed.gguf') : folder;
    const bytes = isGguf ? mutate(random, gguf, heads[0]) : mutate(random, weights, heads[1]);
    await writeFile(isGguf ? path : join(folder, 'model.safetensors'), bytes);
    await readAll(path).catch((error: unknown) => {
      assert.ok(error instanceof SteerdError, `mutation ${i}: ${(error as Error).stack}`);
      refused++;
    });
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  assert.ok(refused > 1_000, `${refused} were refused`);
  assert.ok(most < 512 * 2 ** 20, `${most} bytes more`);
});
