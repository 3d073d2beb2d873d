/** The table as Markdown: what each way to fit a concept shows at strength 1, and what it reads like. */

import { weakConcept } from '../../src/fitting/measure/calibration-details.js';
import { type ConfusionMatrix, confusionMatrix, identifiedIn } from '../../src/fitting/measure/confusion.js';
import { wilsonInterval } from '../../src/fitting/measure/intervals.js';
import { tableConcepts, tableQuestions } from './concepts.js';
import { heatMap } from './heat-map.js';
import { type Combination, type ConceptRow, type TableAnswer, type Way, ways } from './measure-concept.js';

const nameOf = ({ recipe, method, contrast }: Way) => `${recipe} ${method}, contrast ${contrast}`;
/** Of each, shown to a reader. */
const shown = 3;

const combinationOf = (row: ConceptRow, way: Way) =>
  row.combinations.find((combination) => nameOf(combination.way) === nameOf(way)) as Combination;

const number = (value: number | null) => (value ?? 0).toFixed(2);
const percent = (share: number) => `${Math.round(100 * share)} %`;
const mean = (values: readonly number[]) =>
  values.reduce((sum, x) => sum + x, 0) / Math.max(1, values.length);

/** Whether its own message explains an answer better than the others of the table do. */
const identified = (row: ConceptRow, answers: readonly TableAnswer[]) => {
  const own = tableConcepts.findIndex(({ prefix }) => prefix === row.concept.prefix);
  return answers.filter(({ explainedBy }) => explainedBy === own).length;
};

interface Summary {
  readonly name: string;
  readonly concept: number;
  readonly fluency: number;
  readonly instruction: number;
  readonly harmonic: number;
  /** Answers of all concepts that their own message explains best. */
  readonly identified: number;
  readonly answers: number;
  readonly weak: number;
}

export function summaries(rows: readonly ConceptRow[]): Summary[] {
  return ways.map((way) => {
    const all = rows.map((row) => ({ row, ...combinationOf(row, way) }));
    return {
      name: nameOf(way),
      concept: mean(all.map(({ scores }) => scores.concept ?? 0)),
      fluency: mean(all.map(({ scores }) => scores.fluency)),
      instruction: mean(all.map(({ scores }) => scores.instruction)),
      harmonic: mean(all.map(({ scores }) => scores.harmonic)),
      identified: all.reduce((sum, { row, answers }) => sum + identified(row, answers), 0),
      answers: all.reduce((sum, { answers }) => sum + answers.length, 0),
      weak: all.filter(({ scores }) => (scores.concept ?? 0) < weakConcept).length,
    };
  });
}

function bestWay(rows: readonly ConceptRow[]): Way {
  const harmonic = summaries(rows).map((summary) => summary.harmonic);
  return ways[harmonic.indexOf(Math.max(...harmonic))] as Way;
}

/**
 * @param way null for the answers of the told model
 */
export function confusionOf(rows: readonly ConceptRow[], way: Way | null): ConfusionMatrix {
  return confusionMatrix(
    tableConcepts.map(({ prefix }) => {
      const row = rows.find(({ concept }) => concept.prefix === prefix);
      if (row === undefined) return [];
      const answers = way === null ? row.told : combinationOf(row, way).answers;
      return answers.map(({ explainedBy }) => explainedBy);
    }),
  );
}

/** The confusion matrix of the best way, as SVG. */
export function renderConfusion(rows: readonly ConceptRow[]): string {
  const way = bestWay(rows);
  return heatMap({
    title: `Which message explains answers at strength 1 best: ${nameOf(way)}`,
    rowTitle: 'steered by',
    columnTitle: 'explained best by the message of',
    labels: tableConcepts.map(({ subject }) => subject),
    groupStarts: tableConcepts.flatMap(({ group }, i) => (group === tableConcepts[i - 1]?.group ? [] : [i])),
    counts: confusionOf(rows, way),
  });
}

function table(header: readonly string[], lines: readonly (readonly string[])[], rest = '--:'): string {
  return [header, header.map((_, i) => (i === 0 ? '---' : rest)), ...lines]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n');
}

const inCell = (text: string) => text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim();

function ofAnswers(count: number, total: number): string {
  const [low, high] = wilsonInterval(count, total);
  return `${count} of ${total} (${percent(low)} to ${percent(high)})`;
}

export function render(rows: readonly ConceptRow[], how: { model: string; statements: number }): string {
  const best = bestWay(rows);
  const told = identifiedIn(confusionOf(rows, null));
  const [before, after] = ways as [Way, Way];
  const cell = (row: ConceptRow, way: Way) => {
    const { scores, answers } = combinationOf(row, way);
    const { concept, fluency, instruction, harmonic } = scores;
    const [c, f, i, h] = [concept, fluency, instruction, harmonic].map(number);
    return `**${h}** (${c} ${f} ${i}) ${identified(row, answers)}/${answers.length}`;
  };
  const reads = (way: Way) =>
    table(
      ['concept', ...tableQuestions.slice(0, shown)],
      rows.map((row) => [
        row.concept.subject,
        ...combinationOf(row, way)
          .answers.slice(0, shown)
          .map(({ text }) => inCell(text)),
      ]),
      '---',
    );
  const others = [after, ...[best].filter((way) => way !== before && way !== after)];
  const confusion = confusionOf(rows, best);
  return `# ${rows.length} concepts at strength 1

Made by \`npm run concept-table\` on ${how.model}: ${how.statements} statements of each side for recipe \`attention\`, the defaults of the
other recipes. Strength 1 is found as a calibration finds it, but with eight questions, greedy, and fewer coefficients. It is then judged by
greedy answers of 24 tokens to ${tableQuestions.length} questions that neither fit nor calibration has seen. *Before* is the paper's own recipe, whose
negatives state nothing (contrast \`none\`); *after* is the same with other subjects in the concept's place.

- C: evidence of the concept against eight decoys, as a share of what the model shows when it is told the concept.
- F: fluency. I: whether answers still answer their questions. H: the harmonic mean of the three ([fitting.md](fitting.md)).
- *identified*: answers that their own message explains better than those of the ${tableConcepts.length - 1} other concepts do. Of the told model's own
  answers these are ${ofAnswers(told.identified, told.answers)}.
- *weak*: concepts with C below ${weakConcept}.

The raw answers with all their values are in [concept-table.json](concept-table.json).

## Means

${table(
  ['recipe, method', 'C', 'F', 'I', 'H', 'identified', 'weak'],
  summaries(rows).map((summary) => [
    summary.name,
    number(summary.concept),
    number(summary.fluency),
    number(summary.instruction),
    `**${number(summary.harmonic)}**`,
    ofAnswers(summary.identified, summary.answers),
    `${summary.weak} of ${rows.length}`,
  ]),
)}

## Every concept

**H** (C F I) and how many answers are identified; *told* is the evidence of told over plain answers, in nats per token.

${table(
  ['class', 'concept', 'told', ...ways.map(nameOf)],
  rows.map((row) => [
    row.concept.group,
    row.concept.subject,
    `${number(row.toldEvidence)} ${identified(row, row.told)}/${row.told.length}`,
    ...ways.map((way) => cell(row, way)),
  ]),
)}

## What it reads like

Three answers at strength 1, unedited.

### Before: ${nameOf(before)}

${reads(before)}
${others.map((way) => `\n### ${way === after ? 'After' : 'Best by H'}: ${nameOf(way)}\n\n${reads(way)}\n`).join('')}
### Unsteered

${table(
  tableQuestions.slice(0, shown),
  [(rows[0]?.plain ?? []).slice(0, shown).map(({ text }) => inCell(text))],
  '---',
)}

## Which message explains the answers

${nameOf(best)}: answers by the concept that steered them (rows), and by the message that explains them best (columns).

![Confusion matrix](images/confusion.svg)

${table(
  ['', ...tableConcepts.map((_, i) => `${i + 1}`)],
  tableConcepts.map(({ subject }, i) => [
    `${i + 1} ${subject}`,
    ...(confusion[i] ?? []).map((count, j) => (count === 0 ? '' : i === j ? `**${count}**` : `${count}`)),
  ]),
)}
`;
}
