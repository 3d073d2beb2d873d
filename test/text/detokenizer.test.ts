import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { IncrementalDetokenizer } from '../../src/text/detokenizer.js';
import { loadTokenizer } from '../../src/text/load-tokenizer.js';
import type { Tokenizer } from '../../src/text/tokenizer.js';
import { modelDirectory } from './golden.js';
import { llama, metaspace, randomIntegers, tinyTokenizer, wordPiece, wordSuffix } from './tiny-tokenizers.js';

const tokenizers: Record<string, (t: TestContext) => Promise<Tokenizer>> = {
  'byte-level BPE': () => loadTokenizer(modelDirectory),
  'Llama SentencePiece': (t) => tinyTokenizer(t, llama),
  Metaspace: (t) => tinyTokenizer(t, metaspace),
  'Metaspace alone': (t) => tinyTokenizer(t, { ...metaspace, decoder: metaspace.decoder.decoders[1] }),
  // A window that begins anywhere but at the start must not take its own first spaces for the answer's.
  'Strip of six': (t) =>
    tinyTokenizer(t, {
      ...llama,
      decoder: {
        type: 'Sequence',
        decoders: [...llama.decoder.decoders.slice(0, 3), { type: 'Strip', content: ' ', start: 6, stop: 0 }],
      },
    }),
  WordPiece: (t) => tinyTokenizer(t, wordPiece),
  'BPE with suffix': (t) => tinyTokenizer(t, wordSuffix),
  'no decoder': (t) => tinyTokenizer(t, { ...wordSuffix, decoder: null }),
};

function pieces(detokenizer: IncrementalDetokenizer, tokens: readonly number[]): string[] {
  return [...tokens.map((token) => detokenizer.push(token)), detokenizer.flush()];
}

/** The tokens of the tokenizer that stand for one byte, by byte. */
function byteIds(tokenizer: Tokenizer): number[] {
  const named = Array.from({ length: 256 }, (_, byte) =>
    tokenizer.tokenId(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
  ).filter((id) => id !== undefined);
  if (named.length > 0) return named;
  // Byte-level BPE: the single-character entries are the bytes (GPT-2's table).
  return Array.from({ length: 0x144 }, (_, code) => tokenizer.tokenId(String.fromCharCode(code))).filter(
    (id) => id !== undefined,
  );
}

for (const [name, load] of Object.entries(tokenizers)) {
  test(`${name}: the pieces add up to the decoded whole, for any tokens`, async (t) => {
    const tokenizer = await load(t);
    const random = randomIntegers(1);
    const bytes = byteIds(tokenizer);
    for (let round = 0; round < 400; round++) {
      const byteShare = round % 5; // from no byte tokens to bytes alone: mostly invalid UTF-8
      const tokens = Array.from({ length: random(60) }, () =>
        random(4) < byteShare && bytes.length > 0
          ? (bytes[random(bytes.length)] ?? 0)
          : random(tokenizer.vocabularySize + 3),
      );
      const got = pieces(new IncrementalDetokenizer(tokenizer), tokens).join('');
      assert.equal(got, tokenizer.decode(tokens), `tokens ${tokens.join(' ')}`);
    }
  });

  test(`${name}: one token again and again adds up too`, async (t) => {
    const tokenizer = await load(t);
    const step = Math.ceil(tokenizer.vocabularySize / 300);
    for (let token = 0; token < tokenizer.vocabularySize; token += step) {
      const tokens = new Array<number>(24).fill(token);
      const got = pieces(new IncrementalDetokenizer(tokenizer), tokens).join('');
      assert.equal(got, tokenizer.decode(tokens), `token ${token}`);
    }
  });

  test(`${name}: with a context, the pieces are what the tokens add to it`, async (t) => {
    const tokenizer = await load(t);
    const random = randomIntegers(2);
    for (let round = 0; round < 200; round++) {
      const draw = (length: number) => Array.from({ length }, () => random(tokenizer.vocabularySize));
      const context = draw(random(100));
      const before = tokenizer.decode(context);
      if (before.endsWith('\uFFFD')) continue; // the context's own half character belongs to the answer
      const tokens = draw(random(30));
      const got = pieces(new IncrementalDetokenizer(tokenizer, context), tokens).join('');
      assert.equal(before + got, tokenizer.decode([...context, ...tokens]));
    }
  });

  test(`${name}: each token costs the same, however long the answer`, async (t) => {
    const tokenizer = await load(t);
    const bytes = byteIds(tokenizer);
    const text = tokenizer.encode('a b ab. 日本 a', { addSpecialTokens: false });
    const special = Array.from({ length: tokenizer.vocabularySize }, (_, id) => id).filter((id) =>
      tokenizer.isSpecial(id),
    );
    // Text, one byte that never ends a character, special tokens, ids of a padded vocabulary.
    for (const tokens of [text, bytes.slice(-1), special, [tokenizer.vocabularySize]]) {
      if (tokens.length === 0) continue;
      let decoded = 0;
      const counting: Tokenizer = {
        vocabularySize: tokenizer.vocabularySize,
        encode: (value) => tokenizer.encode(value),
        decode: (ids, options) => {
          decoded += ids.length;
          return tokenizer.decode(ids, options);
        },
        tokenId: (token) => tokenizer.tokenId(token),
        bytes: (id) => new TextEncoder().encode(String(id)),
        isSpecial: (id) => tokenizer.isSpecial(id),
      };
      const detokenizer = new IncrementalDetokenizer(counting);
      const count = 1000;
      for (let index = 0; index < count; index++) detokenizer.push(tokens[index % tokens.length] ?? 0);
      assert.ok(decoded <= 16 * count, `${decoded} tokens decoded for ${count}`);
    }
  });
}

test('no half character is given out while tokens come', async (t) => {
  const text = 'naïve 日本語テキスト 🙂👩‍🚀🇫🇷 «…» ab. é';
  for (const load of [
    tokenizers['byte-level BPE'],
    tokenizers['Llama SentencePiece'],
    tokenizers.Metaspace,
  ]) {
    const tokenizer = await load?.(t);
    assert.ok(tokenizer);
    const tokens = tokenizer.encode(text);
    const got = pieces(new IncrementalDetokenizer(tokenizer), tokens);
    assert.equal(got.join(''), text);
    assert.ok(tokens.length > [...text].length / 2);
    for (const piece of got) {
      assert.ok(!piece.includes('\uFFFD'));
      assert.ok(!/\p{Surrogate}/u.test(piece));
    }
    assert.equal(got.at(-1), '', 'a finished text leaves nothing to flush');
  }
});

test('text comes with its own token: nothing but an unfinished character is held back', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const tokens = tokenizer.encode('The harbour was quiet that morning. Two for three, a woman said.');
  const detokenizer = new IncrementalDetokenizer(tokenizer);
  tokens.forEach((token, index) => {
    const before = tokenizer.decode(tokens.slice(0, index));
    assert.equal(before + detokenizer.push(token), tokenizer.decode(tokens.slice(0, index + 1)));
  });
});

test('a character cut off by the end comes out of flush, once', async () => {
  const tokenizer = await loadTokenizer(modelDirectory);
  const tokens = tokenizer.encode('ok 🦜').slice(0, -1);
  const detokenizer = new IncrementalDetokenizer(tokenizer);
  const pushed = tokens.map((token) => detokenizer.push(token)).join('');
  assert.ok(!pushed.includes('\uFFFD'));
  assert.equal(pushed + detokenizer.flush(), tokenizer.decode(tokens));
  assert.equal(detokenizer.flush(), '');
});

test('an answer alone has no leading space; one that continues a prompt keeps it', async (t) => {
  const tokenizer = await tinyTokenizer(t, llama);
  const answer = tokenizer.encode('ab ab', { addSpecialTokens: false });
  const prompt = tokenizer.encode('a b');
  assert.equal(pieces(new IncrementalDetokenizer(tokenizer), answer).join(''), 'ab ab');
  assert.equal(pieces(new IncrementalDetokenizer(tokenizer, prompt), answer).join(''), ' ab ab');
});
