/** The order in which pairs are read: every pair once, and what is said to be known is known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonLength } from '../../../src/common/common-length.js';
import { Random } from '../../../src/common/random.js';
import type { ActivationEdit } from '../../../src/engine/protocol.js';
import { inReadingOrder } from '../../../src/engine/schedule/pair-order.js';

const term = () => ({
  vectors: new Float32Array(1),
  add: new Float32Array(1),
  scale: new Float32Array(1),
  from: 0,
  to: 9,
});

const random = new Random(7);
const upTo = (n: number) => random.bits() % n;
/** Short texts of three tokens: many begin alike, some are equal. */
const texts = (count: number) =>
  Array.from({ length: count }, () => Array.from({ length: 1 + upTo(5) }, () => upTo(3)));

test('every pair is read once, and its known numbers are those of the same tokens after the same tokens', () => {
  for (let trial = 0; trial < 200; trial++) {
    const prompts = texts(1 + upTo(6));
    const answers = texts(1 + upTo(6));
    const choices: ActivationEdit[] = [[], [term()], [term()]];
    const edits = prompts.map(() => choices[upTo(3)] ?? []);
    const pairs = Array.from(
      { length: upTo(30) },
      () => [upTo(prompts.length), upTo(answers.length)] as const,
    );
    const order = inReadingOrder({ prompts, answers, pairs, edits, priority: 'background' });
    /** By place in the result: what its number is of. */
    const wanted = pairs.flatMap(([prompt, answer]) => {
      const text = [...(prompts[prompt] ?? []), ...(answers[answer] ?? [])];
      const edit = choices.indexOf(edits[prompt] ?? []);
      return (answers[answer] ?? []).map(
        (_, i) => `${edit} ${prompts[prompt]} | ${text.slice(0, (prompts[prompt]?.length ?? 0) + i + 1)}`,
      );
    });
    assert.equal(order.total, wanted.length);
    const written = new Set<number>();
    for (const { prompt, answer, edit, at, known, knownAt } of order.texts) {
      assert.ok(prompts.some((own) => own === prompt) && answers.some((own) => own === answer), 'no copies');
      const tokens = [...prompt, ...answer];
      const from = prompt.length;
      for (let i = 0; i < tokens.length - from; i++) {
        const name = `${choices.indexOf(edit)} ${tokens.slice(0, from)} | ${tokens.slice(0, from + i + 1)}`;
        assert.equal(wanted[at + i], name);
        if (i < known) {
          assert.equal(wanted[knownAt + i], name);
          assert.ok(written.has(knownAt + i));
        }
        assert.ok(!written.has(at + i));
        written.add(at + i);
      }
    }
    assert.equal(written.size, order.total);
  }
});

test('texts that begin alike follow each other, so that a beginning is computed once', () => {
  const prompts = [
    [1, 2, 3],
    [7, 7],
    [1, 2, 4],
  ];
  const answers = [
    [5, 5, 5],
    [6, 6],
    [5, 5, 8],
  ];
  const pairs = prompts.flatMap((_, prompt) => answers.map((_, answer) => [prompt, answer] as const));
  const order = inReadingOrder({ prompts, answers, pairs, priority: 'background' });
  const read = order.texts.map(({ prompt, answer }) => [...prompt, ...answer]);
  const computed = read.reduce(
    (sum, tokens, i) => sum + tokens.length - commonLength(tokens, read[i - 1] ?? []),
    0,
  );
  // A tree of all texts has that many tokens.
  const tree = new Set(read.flatMap((tokens) => tokens.map((_, i) => tokens.slice(0, i + 1).join(' '))));
  assert.equal(computed, tree.size);
});
