/** The options of `steerd bench concepts`, as what a run is made of. */
import { type Command, Option } from 'commander';
import type { Asked } from '../benchmark/asked.js';
import { paperConcepts, readConcepts, sampleOf } from '../benchmark/concepts.js';
import { pointsOf, variantsOf } from '../benchmark/plan.js';
import { type BenchConcept, judgeScores, type Run, type Variant } from '../benchmark/records.js';
import { errors } from '../errors.js';
import { calibrationKinds, usualStrengths } from '../schemas/benchmarks.js';
import {
  contrastKinds,
  defaultProfile,
  labelKinds,
  methodNames,
  mostCandidates,
  profileNames,
  recipeNames,
} from '../schemas/fit-choices.js';
import type { ApiOptions } from './api.js';
import { tellNotes } from './example-file.js';
import { countOf, numberOf } from './steering-options.js';
import { readTextFile } from './text-file.js';

export interface BenchOptions extends ApiOptions {
  readonly list?: string;
  readonly sample?: string;
  readonly recipes: string;
  readonly methods: string;
  readonly contrasts?: string;
  readonly profiles?: string;
  readonly tokens?: string;
  readonly labels?: string;
  readonly topLayers?: string;
  readonly bottomLayers?: string;
  readonly statements?: string;
  readonly oneAtATime?: boolean;
  readonly strengths: string;
  readonly coefficients?: string;
  readonly calibration: string;
  readonly seed: string;
  readonly seeds: string;
  readonly temperature?: string;
  readonly maxTokens: string;
  readonly judge?: string;
  readonly judgeModel?: string;
  readonly judgeScores: string;
  readonly judgeParallel: string;
  readonly judgeTimeout: string;
  readonly judgeTokens?: string;
  readonly judgeCache?: string;
  readonly judgePrice?: string;
  readonly parallel?: string;
  readonly copies?: string;
  readonly keepConcepts?: boolean;
  readonly dryRun?: boolean;
  readonly out?: string;
  readonly job?: string;
}

export function addBenchOptions(command: Command): void {
  const several = 'several joined by commas';
  command
    .option(
      '--list <file>',
      'your own concepts, CSV or JSON lines: name, class or prefix, prompts (default: the 512 of the paper)',
    )
    .option('--sample <number>', 'so many of each class, drawn by --seed (default: all)')
    .option(
      '--recipes <names>',
      `${recipeNames.filter((name) => name !== 'examples').join(', ')}; ${several}`,
      'attention',
    )
    .option(
      '--methods <names>',
      `usual (the recipe's own), ${methodNames.join(', ')}; ${several}`,
      'rfm,mean_difference',
    )
    .option(
      '--contrasts <kinds>',
      `${contrastKinds.filter((kind) => kind !== 'opposite').join(', ')}; none is the paper's (default: the recipe's own)`,
    )
    .option(
      '--profiles <names>',
      `how layers compare: ${profileNames.join(', ')}; uniform is the paper's (default: ${defaultProfile})`,
    )
    .option(
      '--tokens <list>',
      `the token that recipe attention reads: chosen, -1 to -${mostCandidates} (default: chosen)`,
    )
    .option('--labels <kinds>', `${labelKinds.join(', ')} (default: the recipe's own)`)
    .option('--top-layers <numbers>', 'vectors only in so many layers that attend most to the concept')
    .option('--bottom-layers <numbers>', 'and in so many that attend least; 0 of either stands for all')
    .option('--statements <numbers>', 'of each side, that recipe attention reads (default: 200)')
    .option(
      '--one-at-a-time',
      'not every combination: the first of each option, and every other value of one option alone',
      false,
    )
    .option(
      '--strengths <numbers>',
      '1, which is the fixed one, and those that the best is chosen among as well',
      usualStrengths.join(','),
    )
    .option('--coefficients <numbers>', 'on unit vectors, as in the paper, to choose the best among')
    .addOption(
      new Option(
        '--calibration <kind>',
        'how strength 1 is measured: full as by a fit, brief with a quarter of the questions, half of the decoys and no side effects, glance by two reads of each answer and without scores, none by the rule',
      )
        .choices(calibrationKinds)
        .default('full'),
    )
    .option('--seed <number>', 'of the sample, the fits and the intervals', '0')
    .option('--seeds <number>', 'answers to each prompt; more than one are drawn', '1')
    .option('--temperature <number>', 'of answers (default: 0, and 0.8 with several --seeds)')
    .option('--max-tokens <number>', 'of each answer', '32')
    .option(
      '--judge <url>',
      'an OpenAI-compatible endpoint that judges the answers as well; its key is STEERD_JUDGE_KEY',
    )
    .option('--judge-model <name>', 'the model that it is asked for')
    .option(
      '--judge-scores <names>',
      `${judgeScores.join(', ')}; the last three are AxBench's`,
      judgeScores.join(','),
    )
    .option('--judge-parallel <number>', 'requests to the judge at once', '8')
    .option('--judge-timeout <seconds>', 'of one request to the judge', '60')
    .option('--judge-tokens <number>', 'of each reply of the judge (default: 200)')
    .option('--judge-cache <folder>', 'where its marks are kept (default: in --out)')
    .option('--judge-price <in,out>', 'dollars for a million tokens of it, to tell the cost')
    .option('--parallel <number>', 'answers at once (default: 16, and 4 of a --job)')
    .option(
      '--copies <number>',
      'where no server is asked: the model loaded so often, each with its share of the cores (default: up to 4 of a small one)',
    )
    .option('--keep-concepts', 'leave the fitted concepts where they were fitted', false)
    .option('--dry-run', 'only say what there is to do', false)
    .option('--out <folder>', 'where the records go; the same command goes on with what is there')
    .option(
      '--job <name>',
      'instead of --out: the server does the run, under this name, and goes on without this command',
    );
}

/** @throws SteerdError invalid_value that names the option */
export async function askedOf(options: BenchOptions): Promise<Asked> {
  const seed = wholeOf('--seed', options.seed);
  const seeds = countOf('--seeds', options.seeds);
  const listed = options.list === undefined ? paperConcepts() : await listedIn(options.list);
  const concepts =
    options.sample === undefined ? listed : sampleOf(listed, countOf('--sample', options.sample), seed);
  const temperature =
    options.temperature === undefined
      ? seeds > 1
        ? 0.8
        : 0
      : numberOf('--temperature', options.temperature);
  if (temperature < 0 || temperature > 2)
    throw errors.invalidValue('--temperature', 'a number from 0 to 2', options.temperature);
  if (temperature === 0 && seeds > 1)
    throw errors.invalidValue('--seeds', '1 at temperature 0, where all answers are the same', seeds);
  const variants = variantsOf(axesOf(options), options.oneAtATime);
  const points = pointsOf(
    partsOf(options.strengths).map((text) => numberOf('--strengths', text)),
    partsOf(options.coefficients).map((text) => numberOf('--coefficients', text)),
  );
  return {
    concepts,
    variants,
    points,
    options: {
      list: options.list ?? 'paper',
      sample: options.sample === undefined ? null : Number(options.sample),
      seed,
      seeds: Array.from({ length: seeds }, (_, i) => seed + i),
      temperature,
      max_tokens: countOf('--max-tokens', options.maxTokens),
      calibration: options.calibration as Run['options']['calibration'],
      judge: judgeOf(options),
    },
  };
}

/** The concepts of a file. What was left out of it is told on standard error. */
export async function listedIn(file: string): Promise<BenchConcept[]> {
  return readConcepts(await readTextFile(file, '--list'), file, (notes) => tellNotes(file, notes));
}

function judgeOf({ judge, judgeModel, judgeScores: names }: BenchOptions): Run['options']['judge'] {
  if (judge === undefined) return null;
  if (judgeModel === undefined) throw errors.invalidValue('--judge-model', 'given with --judge', 'nothing');
  if (!URL.canParse(judge) || !/^https?:$/.test(new URL(judge).protocol))
    throw errors.invalidValue('--judge', 'an address that begins with http:// or https://', judge);
  return {
    url: judge,
    model: judgeModel,
    scores: [...given('--judge-scores', partsOf(names).map(oneOf('--judge-scores', judgeScores)))],
  };
}

/** @throws SteerdError invalid_value that names the option */
export function axesOf(options: BenchOptions): Parameters<typeof variantsOf>[0] {
  const { topLayers, bottomLayers } = options;
  const counts = (flag: string, text: string | undefined) => partsOf(text).map((one) => wholeOf(flag, one));
  const layers: Variant['layers'][] = [
    ...counts('--top-layers', topLayers).map((top) => (top === 0 ? ('all' as const) : { top })),
    ...counts('--bottom-layers', bottomLayers).map((bottom) =>
      bottom === 0 ? ('all' as const) : { bottom },
    ),
  ];
  const orUsual = <Value>(list: readonly Value[]): readonly (Value | null)[] =>
    list.length === 0 ? [null] : list;
  const recipes = recipeNames.filter((name) => name !== 'examples');
  const contrasts = contrastKinds.filter((kind) => kind !== 'opposite');
  const tokens = partsOf(options.tokens).map((text): Variant['token'] => {
    if (text === 'chosen') return text;
    const value = numberOf('--tokens', text);
    if (Number.isInteger(value) && value < 0 && value >= -mostCandidates) return value;
    throw errors.invalidValue('--tokens', `chosen, or whole numbers from -${mostCandidates} to -1`, text);
  });
  const profiles = partsOf(options.profiles).map(oneOf('--profiles', profileNames));
  return {
    recipes: given('--recipes', partsOf(options.recipes).map(oneOf('--recipes', recipes))),
    methods: given(
      '--methods',
      partsOf(options.methods).map(oneOf('--methods', ['usual' as const, ...methodNames])),
    ),
    contrasts: orUsual(partsOf(options.contrasts).map(oneOf('--contrasts', contrasts))),
    profiles: profiles.length === 0 ? [defaultProfile] : profiles,
    tokens: tokens.length === 0 ? ['chosen'] : tokens,
    labels: orUsual(partsOf(options.labels).map(oneOf('--labels', labelKinds))),
    layers: layers.length === 0 ? ['all'] : layers,
    statements: orUsual(
      partsOf(options.statements).map((text) => atLeast('--statements', countOf('--statements', text), 2)),
    ),
  };
}

const partsOf = (text: string | undefined): string[] =>
  (text ?? '').split(',').flatMap((part) => part.trim() || []);

function given<Value>(flag: string, list: readonly Value[]): readonly Value[] {
  if (list.length === 0) throw errors.invalidValue(flag, 'at least one name', 'none');
  return list;
}

const oneOf =
  <Value extends string>(flag: string, values: readonly Value[]) =>
  (text: string): Value => {
    const found = values.find((value) => value === text);
    if (found === undefined) throw errors.invalidValue(flag, `some of ${values.join(', ')}`, text);
    return found;
  };

function wholeOf(flag: string, text: string): number {
  const value = numberOf(flag, text);
  if (Number.isInteger(value) && value >= 0 && value <= 4_294_967_295) return value;
  throw errors.invalidValue(flag, 'a whole number, 0 or more', text);
}

function atLeast(flag: string, value: number, least: number): number {
  if (value >= least) return value;
  throw errors.invalidValue(flag, `whole numbers from ${least}`, value);
}
