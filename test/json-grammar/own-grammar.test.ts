/** Expressions and grammars of requests beyond ASCII: their texts match, whoever judges. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { safeGrammar } from '../../src/json-grammar/own-grammar.js';
import { PatternError } from '../../src/json-grammar/pattern.js';
import { regexGrammar } from '../../src/json-grammar/pattern-expression.js';
import { schemaGrammar } from '../../src/json-grammar/schema-grammar.js';
import { RandomTexts } from './random-texts.js';

describe('texts of expressions and grammars', () => {
  let texts: RandomTexts;
  before(async () => {
    texts = await RandomTexts.open(3);
  });

  test('of a regular expression match it', async () => {
    for (const expression of [
      '^é$',
      '[а-я]{3}',
      '[^a-z]{2}',
      '日本?[ぁ-ん]+|x\\d',
      'ß|[ÿĀ]',
      '[\\u0410-\\u044f]',
    ]) {
      const found = await texts.of(regexGrammar(expression), 12, 200);
      for (const text of found)
        if (text !== null) assert.match(text, new RegExp(`^(?:${expression})$`, 'u'), expression);
      assert.ok(found.some((text) => text !== null));
    }
  });

  test('of a pattern in a schema match it', async () => {
    for (const pattern of ['^é$', '^[à-ü]{2}$', '^[а-я]$', '^Ж+$'])
      for (const text of await texts.of(schemaGrammar({ type: 'string', pattern }), 8, 200))
        if (text !== null) assert.match(JSON.parse(text) as string, new RegExp(pattern, 'u'));
  });

  test('of a grammar are in its classes; strings and comments stay what they are', async () => {
    for (const [grammar, expected] of [
      ['root ::= [а-я]{3}', /^[а-я]{3}$/u],
      ['root ::= [éa]+ [^а-я"] # [é]', /^[éa]+[^а-я"]$/u],
      ['root ::= "[é]" | [\\u00e9] | [😀b]', /^(?:\[é\]|é|😀|b)$/u],
    ] as const)
      for (const text of await texts.of(safeGrammar(grammar), 12, 200))
        if (text !== null) assert.match(text, expected, grammar);
    assert.equal(safeGrammar('root ::= [a-z^] "é" [^"\\\\]'), 'root ::= [a-z^] "é" [^"\\\\]');
    assert.throws(() => safeGrammar('root ::= [я-а]'), PatternError);
  });
});
