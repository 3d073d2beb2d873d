/** Tokenizers made from the tables of GGUF files. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openCheckpoint } from '../../src/checkpoint/open-checkpoint.js';
import { preTokenizerNames } from '../../src/checkpoint/pre-tokenizers.js';
import { byteCharacters } from '../../src/common/byte-alphabet.js';
import { Random } from '../../src/common/random.js';
import { readTokenizer } from '../../src/text/huggingface-tokenizer.js';
import { ggufFile } from './gguf-sample.js';

const model = {
  'general.architecture': 'llama',
  'llama.block_count': 1,
  'llama.context_length': 64,
  'llama.embedding_length': 32,
  'llama.feed_forward_length': 32,
  'llama.attention.head_count': 1,
  'llama.attention.layer_norm_rms_epsilon': 1e-5,
};

type Metadata = Parameters<typeof ggufFile>[0];

async function tokenizerOf(t: TestContext, metadata: Metadata, architecture = 'llama') {
  const folder = await mkdtemp(join(tmpdir(), 'gguf-tokenizer-'));
  t.after(() => rm(folder, { recursive: true }));
  const own = Object.fromEntries(
    Object.entries(model).map(([key, value]) => [
      key.replace('llama', architecture),
      value === 'llama' ? architecture : value,
    ]),
  );
  const path = join(folder, 'model.gguf');
  await writeFile(path, ggufFile({ ...own, ...metadata }, { 'token_embd.weight': { shape: [400, 32] } }));
  const checkpoint = await openCheckpoint(path);
  await checkpoint.close();
  for (const [name, load] of checkpoint.files) await writeFile(join(folder, name), await load());
  return readTokenizer(folder);
}

const bytes = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);
const pieces = [
  '▁',
  'a',
  'b',
  'c',
  'e',
  't',
  'h',
  '▁t',
  'th',
  'he',
  '▁th',
  '▁the',
  'the',
  'ab',
  'abc',
  'bc',
  'ca',
  '▁a',
  '▁ab',
  'é',
];
const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...pieces, '<|user|>', '[PAD280]'];
const types = [2, 3, 3, ...bytes.map(() => 6), ...pieces.map(() => 1), 4, 5];
const scores = [
  0,
  0,
  0,
  ...bytes.map(() => 0),
  ...pieces.map((_, i) => -1.5 - ((i * 7) % 19)),
  -1000,
  -10000.5,
];
const sentencePiece: Metadata = {
  'tokenizer.ggml.model': 'llama',
  'tokenizer.ggml.pre': 'default',
  'tokenizer.ggml.tokens': tokens,
  'tokenizer.ggml.token_type': types,
  'tokenizer.ggml.scores': scores,
};
const ids = new Map(tokens.map((token, id) => [token, id]));

/** SentencePiece's own rule: of all neighbours that make a piece together, the best piece first, and the leftmost of equals. */
function byScores(text: string): number[] {
  const symbols = [...`▁${text.replaceAll(' ', '▁')}`];
  for (;;) {
    let best = -1;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const id = ids.get(`${symbols[i]}${symbols[i + 1]}`);
      const score = id === undefined ? Number.NEGATIVE_INFINITY : (scores[id] ?? 0);
      if (score > bestScore) [best, bestScore] = [i, score];
    }
    if (best < 0) break;
    symbols.splice(best, 2, `${symbols[best]}${symbols[best + 1]}`);
  }
  return symbols.flatMap((symbol) => {
    const id = ids.get(symbol);
    return id === undefined ? [...Buffer.from(symbol)].map((byte) => byte + 3) : [id];
  });
}

test('SentencePiece: the merges made of scores cut a text as the scores do, and bytes stand for the rest', async (t) => {
  const tokenizer = await tokenizerOf(t, sentencePiece);
  const random = new Random(5);
  const letters = ['a', 'b', 'c', 't', 'h', 'e', ' ', ' t', 'é', 'ü', '🙂', '\n'];
  for (let i = 0; i < 400; i++) {
    const length = 1 + Math.floor(random.uniform() * 24);
    const text = Array.from({ length }, () => letters[Math.floor(random.uniform() * letters.length)]).join(
      '',
    );
    const own = tokenizer.encode(text, { addSpecialTokens: false });
    assert.deepEqual(own, byScores(text), JSON.stringify(text));
    assert.equal(tokenizer.decode(own), text);
  }
});

test('SentencePiece: bos and marks as the file says, padding rows are no tokens', async (t) => {
  const tokenizer = await tokenizerOf(t, sentencePiece);
  assert.deepEqual(tokenizer.encode('a'), [1, ids.get('▁a')]);
  assert.deepEqual(tokenizer.encode('<|user|>a'), [1, ids.get('<|user|>'), ids.get('▁a')]);
  assert.equal(tokenizer.isSpecial(ids.get('<|user|>') ?? 0), false);
  assert.equal(tokenizer.isSpecial(1), true);
  assert.equal(tokenizer.piece?.(tokens.length - 1), undefined);
  assert.equal(tokenizer.vocabularySize, tokens.length - 1);
  const plain = await tokenizerOf(t, {
    ...sentencePiece,
    'tokenizer.ggml.add_space_prefix': false,
    'tokenizer.ggml.add_bos_token': false,
    'tokenizer.ggml.add_eos_token': true,
  });
  assert.deepEqual(plain.encode('a'), [ids.get('a'), 2]);
  assert.equal(plain.decode(plain.encode(' a')), ' a');
});

test("SentencePiece: Phi-3's marks take the spaces behind them away", async (t) => {
  const tokenizer = await tokenizerOf(t, { ...sentencePiece, 'tokenizer.ggml.add_bos_token': false }, 'phi3');
  assert.deepEqual(tokenizer.encode('<|user|>\n a'), [ids.get('<|user|>'), ids.get('▁a')]);
});

const letters = [...byteCharacters];
const byteLevel = (pre: string): Metadata => ({
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.pre': pre,
  'tokenizer.ggml.tokens': [...letters, '12', '123', '1234', 'ab', 'Ġa', 'Ġab', "'s", '<|im_start|>'],
  'tokenizer.ggml.token_type': [...letters.map(() => 1), 1, 1, 1, 1, 1, 1, 1, 3],
  'tokenizer.ggml.merges': ['1 2', '12 3', '123 4', 'a b', 'Ġ ab', "' s"],
  'tokenizer.ggml.eos_token_id': 263,
  'tokenizer.ggml.bos_token_id': 263,
});

const pieceLists: readonly (readonly [string, readonly string[]])[] = [
  ['gpt-2', ['1234', 'Ġab', "'s"]],
  ['smollm', ['1', '2', '3', '4', 'Ġab', "'s"]],
  ['qwen2', ['1', '2', '3', '4', 'Ġab', "'s"]],
  ['dbrx', ['123', '4', 'Ġab', "'s"]],
  ['llama-bpe', ['<|im_start|>', '123', '4', 'Ġab', "'s"]],
  ['tekken', ['<|im_start|>', '1', '2', '3', '4', 'Ġab', "'s"]],
  ['gpt-4o', ['123', '4', 'Ġab', "'s"]],
  ['default', ['123', '4', 'Ġab', "'", 's']],
];

for (const [pre, expected] of pieceLists) {
  test(`byte-level BPE cut as ${pre}`, async (t) => {
    const tokenizer = await tokenizerOf(t, byteLevel(pre));
    assert.deepEqual(
      tokenizer.encode("1234 ab's").map((id) => tokenizer.piece?.(id)),
      expected,
    );
  });
}

test('every way to cut keeps every byte of a text', async (t) => {
  const text = "It's 12345 o'clock;\r\n\n  I'LL be\tthere — 東京 Grüße 🙂👍🏽 e\u0301 ABCdef  ";
  for (const pre of preTokenizerNames) {
    const tokenizer = await tokenizerOf(t, byteLevel(pre));
    const expected =
      pre.startsWith('qwen2') || /deepseek-r1|megrez|kormo/.test(pre) ? text.normalize('NFC') : text;
    const plain = tokenizer.encode(text, { addSpecialTokens: false });
    assert.equal(tokenizer.decode(plain), expected, pre);
  }
});

test('what is not known is refused by its name', async (t) => {
  await assert.rejects(tokenizerOf(t, byteLevel('mumble')), /cuts texts by "mumble".*gpt-2/);
  const other = { ...byteLevel('gpt-2'), 'tokenizer.ggml.model': 'bert' };
  await assert.rejects(tokenizerOf(t, other), /kind "bert"/);
  const { 'tokenizer.ggml.merges': _, ...bare } = byteLevel('gpt-2');
  await assert.rejects(tokenizerOf(t, bare), /no merges/);
  await assert.rejects(
    tokenizerOf(t, { ...byteLevel('gpt-2'), 'tokenizer.ggml.eos_token_id': 9999 }),
    /9999/,
  );
});

test("a file's head alone may be large: it is read further until it is whole", async (t) => {
  const many = Array.from({ length: 150_000 }, (_, i) => `token-${i}`);
  const tokenizer = await tokenizerOf(t, {
    ...byteLevel('gpt-2'),
    'tokenizer.ggml.tokens': [...letters, ...many],
    'tokenizer.ggml.token_type': [...letters, ...many].map(() => 1),
    'tokenizer.ggml.merges': [],
  });
  assert.equal(tokenizer.vocabularySize, 150_256);
});
