import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../../src/common/package.js';
import {
  closingTokens,
  encodePrompt,
  pieceCharacters,
  renderPrompt,
  tokenSpan,
} from '../../../src/fitting/recipes/prompt-parts.js';
import type { LoadedModel } from '../../../src/models/model.js';
import { loadChatTemplate } from '../../../src/text/chat-template.js';
import { loadTokenizer } from '../../../src/text/load-tokenizer.js';
import { syntheticModel } from './synthetic-model.js';

/** Pieces of a greedy vocabulary: the longest that fits is one token, anything else a token a character. */
function merging(pieces: readonly string[]): LoadedModel {
  const ids = new Map(pieces.map((piece, index) => [piece, 0x110000 + index]));
  const encode = (text: string) => {
    const tokens: number[] = [];
    for (let at = 0; at < text.length; ) {
      const piece = pieces
        .filter((candidate) => text.startsWith(candidate, at))
        .sort((a, b) => b.length - a.length)[0];
      tokens.push(piece === undefined ? text.charCodeAt(at) : (ids.get(piece) as number));
      at += piece?.length ?? 1;
    }
    return tokens;
  };
  return { ...syntheticModel(), tokenizer: { encode } as unknown as LoadedModel['tokenizer'] };
}

const spanOf = (model: LoadedModel, piece: string, before = '', after = '') => {
  const render = (part: string) =>
    renderPrompt(model, [{ role: 'user', content: `${before}${part}${after}` }]);
  const prompt = encodePrompt(model, render(piece));
  return { prompt, span: tokenSpan(model, prompt, pieceCharacters(model, render, piece, 'the piece')) };
};

test('a token over the edge of a span belongs to what follows', () => {
  const plain = spanOf(merging([]), 'abc', '', '  de');
  assert.deepEqual(plain.span, [6, 9]);
  assert.deepEqual(spanOf(merging(['<user>']), 'abc', '', '  de').span, [1, 4]);
  // `>a` reaches into the piece and is its own; `c ` reaches out of it and is not.
  assert.deepEqual(spanOf(merging(['>a']), 'abc', '', '  de').span, [5, 8]);
  assert.deepEqual(spanOf(merging(['c ']), 'abc', '', '  de').span, [6, 8]);
  assert.deepEqual(spanOf(merging(['abc']), 'abc', '', '  de').span, [6, 7]);
});

test('a piece is found where it stands, even when the same words stand before it', () => {
  const model = merging([]);
  const { prompt, span } = spanOf(model, 'user', 'I am the user, ');
  assert.equal(prompt.text.slice(...span), 'user');
  assert.equal(span[0], '<user>I am the user, '.length);
});

test('the embedded model: five closing tokens and the span of the reference fit', async () => {
  const directory = join(packageRoot, 'models/smollm2-135m-instruct');
  const [tokenizer, chatTemplate] = await Promise.all([
    loadTokenizer(directory),
    loadChatTemplate(directory),
  ]);
  const model: LoadedModel = { ...syntheticModel(), tokenizer, chatTemplate };
  assert.equal(closingTokens(model), 5);
  const render = (prefix: string) =>
    renderPrompt(model, [{ role: 'user', content: `${prefix}  What are your thoughts?` }]);
  const prefix = 'Personify someone who is terrified of spiders.';
  const prompt = encodePrompt(model, render(prefix));
  const [from, to] = pieceCharacters(model, render, prefix, 'the prefix');
  assert.equal(prompt.text.slice(from, to), prefix);
  // With the first of the two spaces: metadata `prefix_span` of the fixture.
  assert.deepEqual(tokenSpan(model, prompt, [from, to + 1]), [24, 34]);
});

test('a template without a generation prompt leaves the last token', () => {
  const model = syntheticModel();
  const chatTemplate = { render: ([message]: readonly { content: string }[]) => `[${message?.content}]` };
  assert.equal(closingTokens({ ...model, chatTemplate } as LoadedModel), 1);
});

test('a template that changes the text is refused', () => {
  const model = syntheticModel();
  const chatTemplate = {
    render: ([message]: readonly { content: string }[]) => `[${message?.content.toUpperCase()}]`,
  };
  assert.throws(
    () => spanOf({ ...model, chatTemplate } as LoadedModel, 'abc'),
    /changes the text of the piece/,
  );
});
