/**
 * What a run will do, all of it, as pure arithmetic: which variants come of the options, and a number for every cell. The
 * cells of a concept lie together: its plain and told answers, then a variant after the other, point by point.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.js';
import { errors } from '../errors.js';
import {
  type ContrastKind,
  fitRecipes,
  type Labels,
  type MethodName,
  type ProfileName,
  type RecipeName,
} from '../schemas/fit-choices.js';
import type { BenchConcept, Point, Run, Variant } from './records.js';
import { promptsOf } from './test-prompts.js';

/** The values of each axis, at least one. */
export interface Axes {
  readonly recipes: readonly RecipeName[];
  /** `usual`: the recipe's own. */
  readonly methods: readonly (MethodName | 'usual')[];
  readonly contrasts: readonly (ContrastKind | null)[];
  readonly profiles: readonly ProfileName[];
  readonly tokens: readonly Variant['token'][];
  readonly labels: readonly (Labels | null)[];
  readonly layers: readonly Variant['layers'][];
  readonly statements: readonly (number | null)[];
}

const axisNames = [
  'recipes',
  'methods',
  'contrasts',
  'profiles',
  'tokens',
  'labels',
  'layers',
  'statements',
] as const satisfies readonly (keyof Axes)[];
type Choice = { readonly [Axis in keyof Axes]: Axes[Axis][number] };

/**
 * Every combination, or with `oneAtATime` the first of each axis and, beside it, every other value of one axis alone: an
 * ablation. What means nothing to a recipe is left at its usual, and what is the same then comes once.
 */
export function variantsOf(axes: Axes, oneAtATime = false): Variant[] {
  const first = Object.fromEntries(axisNames.map((name) => [name, axes[name][0]])) as unknown as Choice;
  const choices: Choice[] = oneAtATime
    ? [
        first,
        ...axisNames.flatMap((name) =>
          axes[name].slice(1).map((value): Choice => ({ ...first, [name]: value })),
        ),
      ]
    : axisNames.reduce<Choice[]>(
        (all, name) =>
          all.flatMap((choice) => axes[name].map((value): Choice => ({ ...choice, [name]: value }))),
        [first],
      );
  const varied = axisNames.filter((name) => axes[name].length > 1);
  const variants = new Map<string, Variant>();
  for (const choice of choices) {
    const variant = variantOf(choice, varied);
    if (!variants.has(variant.id)) variants.set(variant.id, variant);
  }
  return [...variants.values()];
}

function variantOf(choice: Choice, varied: readonly (keyof Axes)[]): Variant {
  const recipe = choice.recipes;
  const { softLabels, defaultMethod } = fitRecipes[recipe];
  const reads = recipe === 'attention';
  const variant: Omit<Variant, 'id'> = {
    recipe,
    method: choice.methods === 'usual' ? defaultMethod : choice.methods,
    contrast: choice.contrasts,
    profile: choice.profiles,
    token: reads ? choice.tokens : 'chosen',
    labels: softLabels ? choice.labels : null,
    layers: reads ? choice.layers : 'all',
    statements: reads ? choice.statements : null,
  };
  const told: Partial<Record<keyof Axes, string>> = {
    contrasts: `contrast ${variant.contrast ?? 'usual'}`,
    profiles: `profile ${variant.profile}`,
    tokens: reads ? `token ${variant.token}` : '',
    labels: softLabels ? `labels ${variant.labels ?? 'usual'}` : '',
    layers: reads ? `layers ${layersShown(variant.layers)}` : '',
    statements: reads ? `statements ${variant.statements ?? 'usual'}` : '',
  };
  const parts = varied.flatMap((name) => told[name] || []);
  return { id: [`${recipe} ${variant.method}`, ...parts].join(', '), ...variant };
}

const layersShown = (layers: Variant['layers']): string =>
  layers === 'all' ? 'all' : 'top' in layers ? `top ${layers.top}` : `bottom ${layers.bottom}`;

/** Strengths and coefficients in their order. @throws SteerdError for a number twice, or no strength 1 */
export function pointsOf(strengths: readonly number[], coefficients: readonly number[]): Point[] {
  const twice = (list: readonly number[]) => list.find((value, index) => list.indexOf(value) !== index);
  for (const [flag, list] of Object.entries({ strengths, coefficients })) {
    const value = twice(list);
    if (value !== undefined) throw errors.invalidValue(flag, 'numbers, each once', value);
  }
  if (!strengths.includes(1))
    throw errors.invalidValue(
      'strengths',
      'numbers with 1 among them, the one fixed strength',
      strengths.join(),
    );
  return [
    ...strengths.map((value): Point => ({ scale: 'strength', value })),
    ...coefficients.map((value): Point => ({ scale: 'coefficient', value })),
  ];
}

export const isFixed = ({ scale, value }: Point): boolean => scale === 'strength' && value === 1;

/** What decides the cells, and so what a run must share to go on: all but the judge, the machine and the time. */
export function planHash(run: Omit<Run, 'plan'>): string {
  const { model, variants, points, concepts, texts } = run;
  const { judge: _, list: __, ...options } = run.options;
  const { prompts, decoys, confusers } = texts;
  const decides = { model, options, variants, points, concepts, prompts, decoys, confusers };
  return createHash('sha256').update(canonicalJson(decides)).digest('hex');
}

/** Where the cells of a run are. */
export class Cells {
  readonly total: number;
  /** By concept: its first cell. */
  readonly #starts: readonly number[];

  constructor(private readonly run: Pick<Run, 'concepts' | 'variants' | 'points' | 'options' | 'texts'>) {
    let next = 0;
    this.#starts = run.concepts.map((concept) => {
      const start = next;
      next += this.#each(concept) * (2 + run.variants.length * run.points.length);
      return start;
    });
    this.total = next;
  }

  prompts(concept: BenchConcept): readonly string[] {
    return concept.prompts ?? this.run.texts.prompts[concept.class] ?? promptsOf(concept.class);
  }

  #each(concept: BenchConcept): number {
    return this.prompts(concept).length * this.run.options.seeds.length;
  }

  /** One for each answer of a concept at one point, prompt by prompt, seed by seed. */
  #block(concept: number, block: number): number[] {
    const each = this.#each(this.run.concepts[concept] as BenchConcept);
    const start = (this.#starts[concept] as number) + block * each;
    return Array.from({ length: each }, (_, i) => start + i);
  }

  plain = (concept: number): number[] => this.#block(concept, 0);
  told = (concept: number): number[] => this.#block(concept, 1);

  /** @param variant @param point indices */
  steered(concept: number, variant: number, point: number): number[] {
    return this.#block(concept, 2 + variant * this.run.points.length + point);
  }

  /** Of a cell's place within its block. */
  askedAt(place: number): { readonly prompt: number; readonly seed: number } {
    const { seeds } = this.run.options;
    return { prompt: Math.floor(place / seeds.length), seed: seeds[place % seeds.length] as number };
  }
}

/** A set of small whole numbers, an eighth of a byte each. */
export class NumberSet {
  #bits: Uint8Array;
  size = 0;

  constructor(readonly limit: number) {
    this.#bits = new Uint8Array(Math.ceil(limit / 8));
  }

  /** Whether it was not there. Numbers beyond the limit are of nobody and are left out. */
  add(value: number): boolean {
    if (value < 0 || value >= this.limit || this.has(value)) return false;
    this.#bits[value >> 3] = (this.#bits[value >> 3] as number) | (1 << (value & 7));
    this.size++;
    return true;
  }

  has(value: number): boolean {
    return ((this.#bits[value >> 3] ?? 0) & (1 << (value & 7))) !== 0;
  }
}

/** What is finished, as far as it says what is left to do. */
export interface Finished {
  readonly cells: NumberSet;
  /** By concept, then variant: whether there is a record of the fit. */
  readonly fits: NumberSet;
  /** The same: whether it says that the fit is impossible. */
  readonly impossible: NumberSet;
}
