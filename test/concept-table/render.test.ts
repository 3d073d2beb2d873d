/** The table's page from rows that are made up: sums, counts and words as they must come out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifiedIn } from '../../src/fitting/measure/confusion.js';
import { judgedAnswer } from '../fitting/measure/answers.js';
import { tableConcepts, tableQuestions } from './concepts.js';
import { type ConceptRow, type TableAnswer, ways } from './measure-concept.js';
import { confusionOf, render, renderConfusion, summaries } from './render.js';

/** The i-th way names the concept in i answers to the table's questions, and in others the next concept. */
const rows: readonly ConceptRow[] = tableConcepts.map((concept, index) => {
  const next = (index + 1) % tableConcepts.length;
  const answers = (right: number): TableAnswer[] =>
    tableQuestions.map((_, question) => ({
      question,
      text: `of ${concept.subject} | said\n${question}`,
      judged: judgedAnswer({ question }),
      explainedBy: question < right ? index : next,
    }));
  return {
    concept,
    toldEvidence: 0.5,
    plain: answers(0),
    told: answers(tableQuestions.length),
    combinations: ways.map((way, i) => ({
      way,
      share: 0.012,
      scores: { concept: 0.2 * i, fluency: 1, instruction: 1, harmonic: 0.25 * i },
      answers: answers(i),
    })),
  };
});

test('sums are means over the concepts, and counts over all answers', () => {
  for (const [i, { concept, harmonic, identified, answers, weak }] of summaries(rows).entries()) {
    assert.ok(Math.abs(concept - 0.2 * i) < 1e-9 && Math.abs(harmonic - 0.25 * i) < 1e-9);
    assert.deepEqual([identified, answers], [24 * i, 24 * tableQuestions.length]);
    assert.equal(weak, 0.2 * i < 0.25 ? 24 : 0);
  }
});

test('the matrix has what named the concept on its diagonal', () => {
  assert.deepEqual(identifiedIn(confusionOf(rows, null)), { identified: 144, answers: 144 });
  assert.deepEqual(identifiedIn(confusionOf(rows, ways[2] ?? null)), { identified: 48, answers: 144 });
  const some = confusionOf(rows.slice(0, 3), null);
  assert.deepEqual(identifiedIn(some), { identified: 18, answers: 18 }, 'of a part of the concepts');
});

test('the page has every concept before and after, the matrix, and whole tables', () => {
  const page = render(rows, { model: 'tiny', statements: 12 });
  assert.doesNotMatch(page, /NaN|undefined/);
  for (const heading of [
    '### Before: attention rfm, contrast none',
    '### After: attention rfm, contrast others',
  ])
    assert.ok(page.includes(heading), heading);
  assert.ok(page.includes('### Best by H: texts mean_difference, contrast others'));
  let columns = 0;
  for (const line of page.split('\n')) {
    const bars = line.startsWith('|') ? line.replaceAll('\\|', '').split('|').length : 0;
    if (columns > 0 && bars > 0) assert.equal(bars, columns, line);
    columns = bars;
  }
  assert.match(renderConfusion(rows), /texts mean_difference/);
});
