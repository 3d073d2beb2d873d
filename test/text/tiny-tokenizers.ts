/** Tokenizers of the kinds that the embedded model does not have, small enough to write down. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { loadTokenizer } from '../../src/text/load-tokenizer.js';
import type { Tokenizer } from '../../src/text/tokenizer.js';

/** Writes the files into a temporary directory that goes when the test ends. */
export async function directoryWith(t: TestContext, files: Record<string, unknown>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'steerd-text-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    await writeFile(join(directory, name), text);
  }
  return directory;
}

const added = (id: number, content: string, special: boolean) => ({
  id,
  content,
  special,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
});

const byteTokens = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

const vocabularyOf = (tokens: readonly string[]) =>
  Object.fromEntries(tokens.map((token, index) => [token, index]));

const bytePieces = ['<unk>', '<s>', '</s>', ...byteTokens];
const pieces = ['▁', 'a', 'b', 'c', '▁a', 'ab', '▁ab', '▁▁', '日', '本', '▁日', '.', '▁.', 'é', '▁🙂'];
const byteFallbackModel = {
  type: 'BPE',
  unk_token: '<unk>',
  fuse_unk: true,
  byte_fallback: true,
  vocab: vocabularyOf([...bytePieces, ...pieces, '<|tool|>']),
  merges: [
    ['▁', 'a'],
    ['a', 'b'],
    ['▁a', 'b'],
    ['▁', '日'],
    ['▁', '▁'],
  ],
};
const byteFallbackAdded = [
  added(0, '<unk>', true),
  added(1, '<s>', true),
  added(2, '</s>', true),
  added(bytePieces.length + pieces.length, '<|tool|>', false),
];
const beginOfSequence = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [],
  special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
};

/** Llama 2: spaces become ▁ in the normalizer, the decoder strips the one it put first. */
export const llama = {
  added_tokens: byteFallbackAdded,
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    ],
  },
  pre_tokenizer: null,
  post_processor: beginOfSequence,
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'ByteFallback' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 1, stop: 0 },
    ],
  },
  model: byteFallbackModel,
};

/** Metaspace on both sides, as converted SentencePiece models have it. */
export const metaspace = {
  ...llama,
  normalizer: null,
  pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false },
  decoder: {
    type: 'Sequence',
    decoders: [
      { type: 'ByteFallback' },
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: false },
    ],
  },
};

/** A decoder that depends on the neighbour: ## glues a piece to the one before. */
export const wordPiece = {
  added_tokens: [added(0, '[UNK]', true)],
  normalizer: null,
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: vocabularyOf(['[UNK]', 'play', '##ing', '##s', 'a', 'b', '##c', '日', '.']),
  },
};

/** A decoder whose text changes at the end: the suffix is a space unless it comes last. */
export const wordSuffix = {
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: null,
  decoder: { type: 'BPEDecoder', suffix: '</w>' },
  model: {
    type: 'BPE',
    unk_token: null,
    end_of_word_suffix: '</w>',
    vocab: vocabularyOf(['a', 'b', 'a</w>', 'b</w>', 'ab</w>', 'word</w>']),
    merges: [['a', 'b</w>']],
  },
};

export async function tinyTokenizer(
  t: TestContext,
  definition: object,
  config: object = {},
): Promise<Tokenizer> {
  return loadTokenizer(
    await directoryWith(t, { 'tokenizer.json': definition, 'tokenizer_config.json': config }),
  );
}

/** Seeded uniform integers in [0, limit): mulberry32. */
export function randomIntegers(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
