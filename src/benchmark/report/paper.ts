/** What the paper reports, and in words what a run does otherwise: numbers of different things must not stand side by side unexplained. */
import { builtIn } from '../summary.js';
import type { Estimate, ReportData } from './data.js';
import { wholeOf } from './said.js';

export const paper = {
  title: 'Efficient and accurate steering of Large Language Models through attention-guided feature learning',
  where: 'arXiv 2602.00333',
} as const;

export interface ComparedRow {
  readonly what: string;
  readonly model: string;
  readonly concepts: number;
  /** Success at a strength fixed beforehand. */
  readonly fixed: Estimate | null;
  /** With the best coefficient for each concept. */
  readonly oracle: Estimate | string | null;
}

/** The paper's rows first; its number is of concepts that were steered with the best of several coefficients. */
export function comparedRows(data: ReportData): ComparedRow[] {
  const className = wholeOf(data.classes);
  const theirs = { model: 'Llama-3.1-8B-Instruct', concepts: 512, fixed: null };
  return [
    { what: 'the paper: its framework (attention, soft labels, RFM)', ...theirs, oracle: 'about 95 %' },
    { what: 'the paper: what was best before it', ...theirs, oracle: 'below 50 %' },
    ...data.judges.flatMap((judge) =>
      data.groups
        .filter((group) => group.judge === judge && group.class === className)
        .map(
          ({ variant, concepts, fixed, oracle }): ComparedRow => ({
            what: `${variant}, judged by ${judge === builtIn ? 'the model itself' : judge}`,
            model: data.run.model.id,
            concepts,
            fixed,
            oracle,
          }),
        ),
    ),
  ];
}

/** Sentences, the gravest difference first. */
export function differences({ run, judges }: ReportData): string[] {
  const { model, options, concepts, variants, points, texts } = run;
  const size = model.layers === null ? '' : ` (${model.layers} layers of width ${model.hidden_size})`;
  const external = judges.filter((judge) => judge !== builtIn);
  const prompts = Object.values(texts.prompts)
    .map(({ length }) => length)
    .concat(concepts.flatMap((concept) => concept.prompts?.length ?? []));
  const coefficients = points.filter(({ scale }) => scale === 'coefficient');
  return [
    `The model is ${model.id}${size}; the paper’s are from 8 to 70 billion parameters. A smaller model may not follow these messages even when it is told them: the row “told” says how often it does.`,
    external.length === 0
      ? 'The judge is the model itself: an answer succeeds when the concept’s own message explains it better than every decoy’s, it is fluent, and it neither refuses nor changes language. The paper asks a large model whether the answer shows the concept. The two need not agree.'
      : `Judges: ${external.join(', ')}, with prompts written for this product in the paper’s manner, and the model itself. The paper’s judge and its prompts are others.`,
    'Of the paper’s numbers only these two totals stand here: its numbers by class, by method and by model, and its intervals, are not among the texts that this product was made from, and none is made up.',
    'A number of the paper counts concepts that were steered with the best of several coefficients, chosen by the judge on the judged answers. The column “best point” does the same; the column “strength 1” is what a user gets who cannot choose afterwards, and the paper has no such number.',
    `Here a number is the mean share of answers that succeed, over ${concepts.length} concepts${options.sample === null ? '' : `, ${options.sample} of each class drawn with seed ${options.seed}`}; the paper’s table has 512.`,
    `${prompts.length === 0 ? 'Test prompts' : `${Math.min(...prompts)}${Math.min(...prompts) === Math.max(...prompts) ? '' : ` to ${Math.max(...prompts)}`} test prompts of each concept`}, written for this product; answers of at most ${options.max_tokens} tokens${options.temperature === 0 ? ', greedy' : ` at temperature ${options.temperature}`}.`,
    ...(coefficients.length === 0
      ? [
          'No coefficients on unit vectors were measured; the best point is looked for among calibrated strengths.',
        ]
      : []),
    ...(variants.some(({ contrast }) => contrast !== 'none')
      ? [
          'Where the contrast is not “none”, negatives state other subjects of the same kind; the paper’s state nothing.',
        ]
      : []),
    ...(variants.some(({ profile }) => profile !== 'uniform')
      ? [
          'Where the profile is not “uniform”, coefficients differ between layers; the paper’s are the same at each.',
        ]
      : []),
  ];
}
