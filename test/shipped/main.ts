/**
 * `npm run shipped-report [-- --out FOLDER --concepts FOLDER]`: what the shipped concepts are worth. Prints the table of their
 * figures and how alike they are, and writes the sheet of a reading without names, its key, which message explains
 * each answer best, as a matrix, and the plots of what strengths mean. A few minutes on two cores.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import type { Concept } from '../../src/concepts/concept.js';
import { decodeConcept } from '../../src/concepts/concept-file.js';
import { statementOf } from '../../src/fitting/measure/concept-statement.js';
import { confusionMatrix, explainedBy, identifiedIn } from '../../src/fitting/measure/confusion.js';
import { loadModel } from '../../src/models/serve/load.js';
import { heatMap } from '../concept-table/heat-map.js';
import {
  type ReadAnswer,
  readingAnswers,
  readingKey,
  readingPrompts,
  readingSheet,
  shuffled,
  toldAnswers,
} from './blind-reading.js';
import { figuresOf, figuresTable, retestLine } from './figures.js';
import { largestStrengthPlot, type MeasuredStrength, strengthOnePlot, weakPlot } from './strength-plots.js';

const id = 'smollm2-135m-instruct';
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(packageRoot, 'docs', 'reading') },
    concepts: { type: 'string', default: join(packageRoot, 'models', id, 'concepts') },
  },
});
const signal = new AbortController().signal;

async function shippedConcepts(folder: string): Promise<Concept[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
  return Promise.all(files.map(async (name) => decodeConcept(await readFile(join(folder, name)))));
}

/** Mean over the layers that both have. */
function cosine(a: Concept, b: Concept): number {
  const cosines: number[] = [];
  for (let layer = 0; layer < a.layers; layer++) {
    const row = ({ vectors, hiddenSize }: Concept) =>
      vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize);
    const [x, y] = [row(a), row(b)];
    if (!x.some(Boolean) || !y.some(Boolean)) continue;
    cosines.push(x.reduce((sum, value, i) => sum + value * (y[i] as number), 0));
  }
  return cosines.reduce((sum, value) => sum + value, 0) / cosines.length;
}

/** JSON, a line for each answer. */
function keyFile(order: readonly ReadAnswer[]): string {
  const lines = readingKey(order).map((entry) => JSON.stringify(entry, null, 1).replace(/\n\s*/g, ' '));
  return `[\n${lines.map((line) => `  ${line}`).join(',\n')}\n]\n`;
}

const concepts = await shippedConcepts(values.concepts);
process.stdout.write(`${figuresTable(concepts.map(figuresOf))}\n\n${retestLine(concepts)}\n`);
const pairs = concepts.flatMap((a, i) =>
  concepts.slice(i + 1).map((b) => ({ names: `${a.name} and ${b.name}`, cosine: cosine(a, b) })),
);
const mean = pairs.reduce((sum, pair) => sum + pair.cosine, 0) / pairs.length;
const closest = [...pairs].sort((a, b) => b.cosine - a.cosine).slice(0, 5);
process.stdout.write(`mean cosine ${mean.toFixed(3)}; closest: `);
process.stdout.write(`${closest.map((pair) => `${pair.names} ${pair.cosine.toFixed(2)}`).join(', ')}\n`);

const strengths = concepts.map(({ name, calibration }) => ({
  name,
  measured: calibration.details as unknown as MeasuredStrength,
}));
await mkdir(values.out, { recursive: true });
const plot = (name: string, svg: string) => writeFile(join(values.out, `${name}.svg`), svg);
const shown = strengths.find(({ name }) => name === 'pirate') ?? strengths[0];
if (shown !== undefined) await plot('strength-1', strengthOnePlot(shown));
await plot('max', largestStrengthPlot(strengths));
// A concept that came out weak, fitted by the request that it holds; it does not ship.
const weak = JSON.parse(await readFile(join(packageRoot, 'docs', 'reading', 'weak.json'), 'utf8')) as {
  readonly name: string;
  readonly details: MeasuredStrength;
};
await plot('weak', weakPlot(strengths, { name: weak.name, measured: weak.details }));

const settings = { threads: 0, slots: 16, context: 1024, prefillChunk: 128, queue: 64 };
const model = await loadModel(id, join(packageRoot, 'models', id), settings);
try {
  const answers = await readingAnswers(model, concepts, signal);
  const order = shuffled(answers);
  const names = concepts.map(({ name }) => name);
  await writeFile(join(values.out, 'answers.md'), readingSheet(order, names));
  await writeFile(join(values.out, 'key.json'), keyFile(order));
  const messages = concepts.map((concept) => statementOf(concept)?.own ?? '');
  const matrixOf = async (some: readonly ReadAnswer[]) => {
    const given = some.map(({ prompt, tokens }) => ({ question: prompt, tokens }));
    const explained = await explainedBy(model, messages, readingPrompts, given, signal);
    return confusionMatrix(names.map((name) => explained.filter((_, i) => some[i]?.concept === name)));
  };
  const told = concepts.map(({ name }, i) => ({ name, message: messages[i] as string }));
  const toldMatrix = identifiedIn(await matrixOf(await toldAnswers(model, told, signal)));
  const matrix = await matrixOf(answers.filter(({ strength }) => strength === 1));
  const { identified, answers: all } = identifiedIn(matrix);
  process.stdout.write(
    `identified: ${identified} of ${all} answers at strength 1, ${toldMatrix.identified} of ${toldMatrix.answers} told ones\n`,
  );
  const picture = heatMap({
    title: 'Which message explains an answer at strength 1 best',
    rowTitle: 'steered by',
    columnTitle: 'explained best by the message of',
    labels: names,
    groupStarts: [],
    counts: matrix,
  });
  await writeFile(join(values.out, 'confusion.svg'), picture);
} finally {
  await model.engine.close();
}
