/** Confusion matrices and the heat maps drawn of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEngine } from '../../src/engine/engine.js';
import type { ScoreRequest } from '../../src/engine/protocol.js';
import { confusionMatrix, explainedBy, identifiedIn } from '../../src/fitting/measure/confusion.js';
import { scoreOneByOne } from '../helpers/engine.js';
import { characterTokenizer, FakeEngine, fakeModel } from '../helpers/fake-engine.js';
import { heatMap } from './heat-map.js';

const signal = new AbortController().signal;

test('an answer is explained by the message after which it is likeliest', async () => {
  // A character is likelier after a prompt that has it, in the message and in the question alike.
  const score = async ({ tokens, from }: ScoreRequest) => {
    const prompt = new Set(tokens.slice(0, from));
    return Float32Array.from(tokens.slice(from), (token) => (prompt.has(token) ? -1 : -3));
  };
  const engine = withEngine(new FakeEngine({ capacity: 512 }), {
    score,
    scoreMany: (request, either) => scoreOneByOne({ score }, request, either),
  });
  const given = (question: number, text: string) => ({
    question,
    tokens: characterTokenizer.encode(text, { addSpecialTokens: false }),
  });
  const found = await explainedBy(
    fakeModel(engine),
    ['xxx', 'qqq', 'zzz'],
    ['Well?', 'Now?'],
    [given(0, 'qqz'), given(1, ''), given(1, 'zzx'), given(0, 'xx')],
    signal,
  );
  assert.deepEqual(found, [1, null, 2, 0]);
});

test('rows count answers by what explains them; empty ones count nowhere', () => {
  const matrix = confusionMatrix([
    [0, 0, 1],
    [1, null, 1],
    [0, 1, 2],
  ]);
  assert.deepEqual(matrix, [
    [2, 1, 0],
    [0, 2, 0],
    [1, 1, 1],
  ]);
  assert.deepEqual(identifiedIn(matrix), { identified: 5, answers: 8 });
});

test('a heat map has a cell for each count and a label for each row and column, and is well-formed', () => {
  const labels = ['a <b>', 'c & d', 'e'];
  const counts = [
    [6, 0, 0],
    [1, 5, 0],
    [0, 0, 0],
  ];
  const svg = heatMap({
    title: 'T & U',
    rowTitle: 'rows',
    columnTitle: 'columns',
    labels,
    groupStarts: [0, 2],
    counts,
  });
  const cells = [...svg.matchAll(/<rect x="[^>]*fill="(#[0-9a-f]{6})"\/>/g)].map(
    ([, colour]) => colour as string,
  );
  assert.equal(cells.length, 9);
  const darkness = (colour: string) =>
    765 - [1, 3, 5].reduce((sum, i) => sum + Number.parseInt(colour.slice(i, i + 2), 16), 0);
  const [full, none, , little, much] = cells.map(darkness) as [number, number, number, number, number];
  assert.ok(full > much && much > little && little > none, `${cells}`);
  assert.equal(svg.match(/a &lt;b&gt;/g)?.length, 2);
  assert.equal(svg.match(/c &amp; d/g)?.length, 2);
  assert.doesNotMatch(svg, /NaN|undefined|&(?!amp;|lt;|gt;)/);
  const numbers = [...svg.matchAll(/>(\d+)<\/text>/g)].map(([, count]) => Number(count));
  assert.deepEqual(numbers, [6, 1, 5], 'no zeros');
  const open: string[] = [];
  for (const [, close, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (close === '/') assert.equal(open.pop(), name);
    else if (empty === '') open.push(name as string);
  }
  assert.deepEqual(open, []);
});
