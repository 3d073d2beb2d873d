/** The table as Markdown: what each recipe and method gains, and one sample answer per concept. */
import { usualBound } from '../../src/fitting/measure/calibration-curve.js';
import { methodNames } from '../../src/schemas/fit-choices.js';
import { tableQuestions } from './concepts.js';
import type { Combination, ConceptRow, Judged } from './measure-concept.js';

const names = ['attention', 'responses'].flatMap((recipe) =>
  methodNames.map((method) => ({ recipe, method })),
);
const key = ({ recipe, method }: { recipe: string; method: string }) => `${recipe} ${method}`;

/** How much more the answers show of the concept than unsteered ones do, in nats per token. */
const gain = (row: ConceptRow, { evidence }: Judged) => evidence - row.unsteered.evidence;

/** Whether the answers read as well as the bound asks, compared with the same questions' unsteered answers. */
const fluent = (row: ConceptRow, { logProbability, distinct2 }: Judged) =>
  row.unsteered.logProbability - logProbability <= usualBound.logProbabilityDrop &&
  distinct2 >= usualBound.distinct2;

const combinationOf = (row: ConceptRow, name: { recipe: string; method: string }) =>
  row.combinations.find((combination) => key(combination) === key(name)) as Combination;

const number = (value: number) => (value < 0 ? `−${(-value).toFixed(2)}` : value.toFixed(2));

interface Summary {
  readonly name: string;
  readonly rises: number;
  readonly fluent: number;
  readonly meanGain: number;
  readonly meanShareOfTold: number;
}

export function summaries(rows: readonly ConceptRow[]): Summary[] {
  return names.map((name) => {
    const cells = rows.map((row) => ({ row, combination: combinationOf(row, name) }));
    const gains = cells.map(({ row, combination }) => gain(row, combination.steered));
    const told = rows.map((row) => gain(row, row.told));
    const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
    return {
      name: key(name),
      rises: gains.filter((value) => value > 0).length,
      fluent: cells.filter(({ row, combination }) => fluent(row, combination.steered)).length,
      meanGain: mean(gains),
      meanShareOfTold: mean(gains) / mean(told),
    };
  });
}

/** Evidence and fluency for as many concepts as can be come first, the mean gain (below 10 nats) last. */
const rank = ({ rises, fluent: inside, meanGain }: Summary) => 10 * (rises + inside) + meanGain;

export function render(rows: readonly ConceptRow[], how: { model: string; statements: number }): string {
  const cell = (row: ConceptRow, name: (typeof names)[number]) => {
    const { steered } = combinationOf(row, name);
    return `${number(gain(row, steered))}${fluent(row, steered) ? '' : ' ✗'}`;
  };
  const best = summaries(rows).reduce((a, b) => (rank(b) > rank(a) ? b : a));
  const table = (header: readonly string[], lines: readonly (readonly string[])[], rest = '--:') =>
    [header, header.map((_, i) => (i === 0 ? '---' : rest)), ...lines]
      .map((line) => `| ${line.join(' | ')} |`)
      .join('\n');
  const samples = rows.map((row) => {
    const combination = row.combinations.find((one) => key(one) === best.name) as Combination;
    return [row.concept.subject, row.unsteered.answer, combination.steered.answer].map((text) =>
      text.replace(/\s+/g, ' ').replaceAll('|', '\\|').trim(),
    );
  });
  return `# ${rows.length} concepts, both recipes, all methods

Made by \`npm run concept-table\` on ${how.model}: ${how.statements} statements of each side for recipe \`attention\`, 16 questions for
\`responses\`. Every vector is calibrated as a fit does it, with answers of 20 tokens, and strength 1 is then judged by greedy
answers of 24 tokens to ${tableQuestions.length} questions that neither fit nor calibration has seen.

A cell is the *gain in evidence*: by how many nats per token the answers to them become likelier when the concept is
stated to the model, compared with unsteered answers. ✗ marks answers outside the bound (more than ${usualBound.logProbabilityDrop} nat per token
below the unsteered answers, or less than ${usualBound.distinct2} of the pairs of tokens distinct). *told* is the gain when the model is
told the concept instead of being steered: what it can show at all.

## Sums

${table(
  ['recipe, method', 'evidence rises', 'inside the bound', 'mean gain', 'of told'],
  summaries(rows).map(({ name, rises, fluent: inside, meanGain, meanShareOfTold }) => [
    name,
    `${rises} of ${rows.length}`,
    `${inside} of ${rows.length}`,
    number(meanGain),
    `${Math.round(100 * meanShareOfTold)} %`,
  ]),
)}

## Every concept

${table(
  [
    'class',
    'concept',
    'told',
    ...names.map((name) =>
      key(name)
        .replace('attention', 'att.')
        .replace('responses', 'resp.')
        .replace('mean_difference', 'mean diff.'),
    ),
  ],
  rows.map((row) => [
    row.concept.group,
    row.concept.subject,
    number(gain(row, row.told)),
    ...names.map((name) => cell(row, name)),
  ]),
)}

## What it reads like

The first question, "${tableQuestions[0]}", unedited: unsteered, and at strength 1 of ${best.name}.

${table(['concept', 'unsteered', 'steered'], samples, '---')}
`;
}
