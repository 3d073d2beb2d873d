/**
 * The report of a run as text that a repository can keep: figures, tables and a few answers, without the records. Markdown for
 * people, one JSON of the figures, and a row for each concept in CSV where there is room: together at most `mostBytes` however
 * many concepts there are.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { canonicalJson } from '../../common/canonical-json.js';
import { timeWords } from '../../common/time-words.js';
import { errors } from '../../errors.js';
import { builtIn } from '../summary.js';
import type { Estimate, Example, ReportData } from './data.js';
import { escapedText, heading, list, quoted, table } from './markdown.js';
import { comparedRows, differences, paper } from './paper.js';
import { isTold, judgeWords, leadOf, shownClasses, unreachedIn, wholeOf } from './said.js';
import { csv } from './tables.js';

export const mostBytes = 300_000;
/** Texts of each kind. */
const examplesEach = 6;
const mostNamed = 60;

/** Names of files with their contents. @throws SteerdError for a run of so many ways or classes that their figures alone are too long */
export function compactReport(data: ReportData): Readonly<Record<string, string>> {
  const concepts = csv(
    data.concepts.map(({ best, error, ...row }) => ({
      ...row,
      best_scale: best?.scale ?? null,
      best_value: best?.value ?? null,
      failed: error !== null,
    })),
  );
  const figures = `${JSON.stringify(figuresOf(data))}\n`;
  const all = { 'report.md': markdownOf(data, true), 'figures.json': figures, 'concepts.csv': concepts };
  if (bytesOf(all) <= mostBytes) return all;
  // Of single concepts then only what the Markdown names.
  const fewer = { 'report.md': markdownOf(data, false), 'figures.json': figures };
  if (bytesOf(fewer) <= mostBytes) return fewer;
  throw errors.invalidValue(
    '--compact',
    'asked of a run with fewer ways or classes',
    `${data.run.variants.length} ways and ${data.classes.length} classes`,
  );
}

const bytesOf = (files: Readonly<Record<string, string>>) =>
  Object.values(files).reduce((sum, text) => sum + Buffer.byteLength(text), 0);

function figuresOf(data: ReportData): object {
  const { run, concepts: _, examples: __, beside, object: ___, format: ____, ...figures } = data;
  const { concepts, texts, machine, options, ...head } = run;
  const { decoys, confusers, ...asked } = texts;
  const { judge } = options;
  return {
    object: 'benchmark.figures',
    format: 1,
    // What is long stands as its hash: the run's own run.json has it, and `plan` covers it all. Where things lie is nobody's business.
    run: {
      ...head,
      machine: { ...machine, server: machine.server !== null },
      options: {
        ...options,
        list: basename(options.list),
        judge: judge && { model: judge.model, scores: judge.scores },
      },
      concepts: { count: concepts.length, sha256: hashOf(concepts) },
      texts: { ...asked, confusers, decoys_sha256: hashOf(decoys) },
    },
    ...figures,
    beside: beside.filter(isTold),
  };
}

const hashOf = (value: unknown) => createHash('sha256').update(canonicalJson(value)).digest('hex');

function markdownOf(data: ReportData, withConcepts: boolean): string {
  const { run } = data;
  const date = new Date(run.started_at * 1000).toISOString().slice(0, 10);
  return `${[
    heading(1, `Steering benchmark of ${run.model.id}`),
    `${escapedText(leadOf(data))} Begun ${date}, by steerd ${escapedText(run.versions.steerd)}.`,
    heading(2, 'Success'),
    ...successOf(data),
    'Mean share of answers over the concepts, with 95 % intervals from resampling them. Strength 1 was fixed before any answer was judged. The best point was chosen for each concept by the same judge on the same answers: an oracle, whose choice no interval corrects.',
    heading(2, 'Beside the paper'),
    ...besidePaper(data),
    ...besideFirstOf(data),
    heading(2, 'Strength against success and fluency'),
    curvesOf(data),
    ...confusionOf(data),
    ...layersOf(data),
    heading(2, 'Concepts that nothing reached'),
    ...unreachedOf(data),
    ...examplesOf(data),
    heading(2, 'What it shows, and what not'),
    list(limitsOf(data)),
    heading(2, 'The record'),
    list(recordOf(data, withConcepts)),
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`;
}

const number = (value: number | null | undefined): string => (value == null ? '–' : value.toFixed(2));
const estimate = (value: Estimate | null): string =>
  value === null ? '–' : `${number(value.mean)} (${number(value.low)} to ${number(value.high)})`;

function successOf(data: ReportData): string[] {
  const shown = shownClasses(data.classes);
  return data.judges.flatMap((judge) => {
    const groups = data.groups.filter((group) => group.judge === judge);
    const ways = [...new Set(groups.map(({ variant }) => variant))];
    const cells = (variant: string, part: 'fixed' | 'oracle') =>
      shown.map((className) =>
        estimate(
          groups.find((group) => group.variant === variant && group.class === className)?.[part] ?? null,
        ),
      );
    const rows = ways.flatMap((variant) => {
      const steered = variant !== 'plain' && variant !== 'told';
      return [
        [variant, steered ? 'strength 1' : 'as it is', ...cells(variant, 'fixed')],
        ...(steered ? [[variant, 'best point', ...cells(variant, 'oracle')]] : []),
      ];
    });
    return [`Judged by ${escapedText(judgeWords(judge))}:`, table(['way', 'at', ...shown], rows)];
  });
}

function besidePaper(data: ReportData): string[] {
  const rows = comparedRows(data).map(({ what, model, concepts, fixed, oracle }) => [
    ...[what, model, String(concepts), estimate(fixed)],
    typeof oracle === 'string' ? oracle : estimate(oracle),
  ]);
  return [
    table(['', 'model', 'concepts', 'strength 1', 'best point'], rows),
    `The paper is “${escapedText(paper.title)}”, ${paper.where}. These numbers are not of the same thing:`,
    list(differences(data)),
  ];
}

function besideFirstOf(data: ReportData): string[] {
  const rows = data.beside.filter(
    (row) => row.class === wholeOf(data.classes) && row.at === 'fixed' && isTold(row),
  );
  const [first] = rows;
  if (first === undefined) return [];
  return [
    heading(2, 'Each way beside the first'),
    `At strength 1 against “${escapedText(first.base)}”, paired by concept. Of twenty such intervals one misses 0 by chance.`,
    table(
      ['changed', 'judged by', 'of', 'concepts', 'first', 'this', 'difference (95 %)'],
      rows.map(({ changed, judge, measure, base_mean, variant_mean, difference }) => [
        ...[changed, judgeWords(judge), measure === 'success' ? measure : 'H', String(difference.n)],
        ...[number(base_mean), number(variant_mean), estimate(difference)],
      ]),
    ),
  ];
}

function curvesOf(data: ReportData): string {
  const { judges } = data;
  return table(
    ['way', 'at', ...judges.map((judge) => `success, ${judgeWords(judge)}`), 'C', 'F', 'I', 'H'],
    data.curves
      .filter((curve) => curve.class === wholeOf(data.classes))
      .map(({ variant, point, success, concept, fluency, instruction, harmonic }) => [
        ...[variant, `${point.scale} ${point.value}`],
        ...judges.map((judge) => number(success[judge])),
        ...[concept, fluency, instruction, harmonic].map(number),
      ]),
  );
}

function confusionOf(data: ReportData): string[] {
  const ways = ['told', ...data.run.variants.map(({ id }) => id)].filter((way) =>
    data.confusion.some(({ variant }) => variant === way),
  );
  if (ways.length === 0 || data.classes.length < 2) return [];
  const tables = ways.flatMap((way) => {
    const rows = data.classes.map((asked) => {
      const own = data.confusion.filter((row) => row.variant === way && row.asked === asked);
      const all = own.reduce((sum, { answers }) => sum + answers, 0);
      const share = (explained: string) =>
        all === 0 ? '–' : number((own.find((row) => row.explained === explained)?.answers ?? 0) / all);
      return [asked, ...data.classes.map(share), String(all)];
    });
    return [`${escapedText(way)}:`, table(['asked for', ...data.classes, 'answers'], rows)];
  });
  return [
    heading(2, 'What answers are taken for'),
    `Rows: the class of the concept at strength 1, or told. Columns: the class of the concept whose message explains the answer best, among its own and ${data.run.texts.confusers.length} of the run's; shares of a row.`,
    ...tables,
  ];
}

/** Of many layers every third or so: a table of 80 rows tells no more. */
const mostLayers = 12;

function layersOf({ layers, run }: ReportData): string[] {
  const tables = run.variants.flatMap(({ id }) => {
    const own = layers.filter(({ variant }) => variant === id);
    const step = Math.ceil(own.length / mostLayers);
    const rows = own
      .filter((_, index) => index % step === 0)
      .map(({ layer, fits, auroc, tokens }) => {
        const read = Object.entries(tokens).sort(([, a], [, b]) => b - a);
        const [most] = read;
        return [
          String(layer),
          String(fits),
          auroc === null ? '–' : `${number(auroc.mean)} (${number(auroc.low)} to ${number(auroc.high)})`,
          most === undefined ? '–' : `${most[0]} in ${Math.round((100 * most[1]) / fits)} %`,
        ];
      });
    return rows.length === 0
      ? []
      : [`${escapedText(id)}:`, table(['layer', 'fits', 'AUROC (quartiles)', 'token read most'], rows)];
  });
  return tables.length === 0 ? [] : [heading(2, 'Layers'), ...tables];
}

function unreachedOf(data: ReportData): string[] {
  const { rows, of, told } = unreachedIn(data);
  const names = rows.slice(0, mostNamed).map((row) => `${row.concept} (${row.class})`);
  const more = rows.length > mostNamed ? `, and ${rows.length - mostNamed} more` : '';
  const counts = data.classes.map((group) => {
    const own = rows.filter((row) => row.class === group).length;
    return `${group} ${own}`;
  });
  return [
    `At no measured point, in no way, do more answers succeed than without steering: ${rows.length} of ${of} concepts (${escapedText(counts.join(', '))}). Of these the model shows ${told} when it is simply told.`,
    ...(names.length === 0 ? [] : [`${escapedText(names.join(', '))}${more}.`]),
  ];
}

function examplesOf({ examples: { drawn, good, bad } }: ReportData): string[] {
  const some = (title: string, examples: readonly Example[]) =>
    examples.length === 0
      ? []
      : [
          heading(3, title),
          ...examples
            .slice(0, examplesEach)
            .map(({ variant, concept, class: group, prompt, answer, success, harmonic }) =>
              [
                `**${escapedText(concept)}** (${escapedText(group)}), ${escapedText(variant)}, H ${number(harmonic)}, ${success ? 'succeeds' : 'fails'}. *${escapedText(prompt)}*`,
                quoted(answer),
              ].join('\n\n'),
            ),
        ];
  if (drawn.length === 0) return [];
  return [
    heading(2, 'Answers at strength 1'),
    'First some drawn among all, then the best of those that succeed and the worst of those that fail, which are extremes.',
    ...some('Drawn among all', drawn),
    ...some('The best that succeed', good),
    ...some('The worst that fail', bad),
  ];
}

function limitsOf({ run, judges }: ReportData): string[] {
  const { decoys } = run.texts;
  const against = Math.max(0, ...Object.values(decoys).map(({ length }) => length));
  return [
    'It shows how these ways compare with each other, with the unsteered model and with the model that is told, on this model, with these prompts and by this judge.',
    ...(judges.includes(builtIn) && against > 0
      ? [
          `The model itself as the judge sees what it can tell apart: by chance about one answer in ${against + 1} is explained best by its concept's message, and the row of plain answers is what success without steering looks like. It says nothing of what a reader would see, which nobody was asked.`,
        ]
      : []),
    'Intervals are over concepts, drawn anew from this list: they say nothing of other models, other prompts or another judge.',
    ...(run.options.calibration === 'full'
      ? []
      : [`Strength 1 was ${howMeasured[run.options.calibration]}; no side effects were measured.`]),
    `Answers have at most ${run.options.max_tokens} tokens: what a longer text would do is not seen.`,
  ];
}

const howMeasured = {
  brief:
    'measured briefly, with a quarter of the questions and half of the decoys: it may lie off by more than a calibration in full would',
  glance:
    'measured by a glance, two reads of each answer to eight questions: it may lie off by more than a calibration in full would',
  none: 'left to the rule, and not measured',
} as const;

function recordOf(data: ReportData, withConcepts: boolean): string[] {
  const { run, seconds, counts, judge_tokens: tokens } = data;
  const { model, versions, machine, options } = run;
  return [
    `Model ${model.id}, fingerprint ${model.fingerprint ?? 'unknown'}; plan ${run.plan}.`,
    `steerd ${versions.steerd}, Node.js ${versions.node}, ONNX Runtime ${versions.onnxruntime ?? 'unknown'}; ${machine.cpu}, ${machine.cores} cores, ${(machine.memory_bytes / 1024 ** 3).toFixed(1)} GiB, ${machine.platform}.`,
    `${counts.fits} fits in ${timeWords(seconds.fits)}, ${counts.failed} of them failed; ${counts.answers} answers in ${timeWords(seconds.answers)} (side by side: these are sums, and no time on a clock); ${counts.judgements} marks of other judges, ${tokens} tokens.`,
    `List ${basename(options.list)}${options.sample === null ? ', whole' : `, ${options.sample} of each class`}; seed ${options.seed}, answers' seeds ${options.seeds.join(', ')}; temperature ${options.temperature}; calibration ${options.calibration}; points ${run.points.map(({ scale, value }) => `${scale} ${value}`).join(', ')}.`,
    withConcepts
      ? 'Beside this file: figures.json with these figures, and concepts.csv with a row for each concept, way and judge. The records of single answers are not kept here.'
      : 'Beside this file: figures.json with these figures. Rows of single concepts, and the records of single answers, are too long to be kept here.',
  ];
}
