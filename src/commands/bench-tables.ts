/** What `steerd bench` says at its end: the table of classes and variants, and what the judge cost. */
import type { Estimate } from '../benchmark/bootstrap.js';
import type { Comparison } from '../benchmark/compare.js';
import { allClasses, builtIn, type Figure, type Measure, type Summary } from '../benchmark/summary.js';
import { timeWords } from '../common/time-words.js';
import { errors } from '../errors.js';
import { painted, say, sayTable, sayWrapped } from './output.js';

const percent = (value: number) => `${Math.round(100 * value)} %`;
export const shown = (estimate: Pick<Estimate, 'mean' | 'low' | 'high'> | null | undefined): string =>
  estimate == null
    ? '-'
    : `${percent(estimate.mean)} (${Math.round(100 * estimate.low)}-${Math.round(100 * estimate.high)})`;
const plainNumber = (estimate: Estimate | null | undefined) =>
  estimate == null ? '-' : estimate.mean.toFixed(2);

export function saySummary(summary: Summary, price?: Price): void {
  const { fits, answers, judges } = summary;
  const failed = fits.failed > 0 ? `, ${fits.failed} of them impossible` : '';
  say(
    `${summary.model}: ${fits.done} fits in ${timeWords(fits.seconds)}${failed}, ${fits.weak} weak; ${answers} answers`,
  );
  for (const judge of judges) {
    say('');
    say(painted('1', judge === builtIn ? 'Success by the built-in judge' : `Success by ${judge}`));
    sayJudge(summary, judge);
  }
  sayWrapped(
    '1: every concept at strength 1. best: each at the point where it succeeds most, as the paper counts. In parentheses 95 % intervals over the concepts.',
  );
  for (const [judge, use] of Object.entries(summary.judge_use)) {
    const { judgements, cached, malformed, unknown, retries, prompt_tokens, completion_tokens } = use;
    const dollars = costOf(summary, price)[judge];
    say(
      `${judge}: ${judgements} marks, ${cached} from the cache, ${unknown} unreadable, ${malformed} replies malformed, ${retries} retries; ${prompt_tokens} + ${completion_tokens} tokens${dollars === undefined ? '' : `, $${dollars.toFixed(2)}`}`,
    );
  }
}

function sayJudge({ figures }: Summary, judge: string): void {
  const own = figures.filter((figure) => figure.judge === judge);
  const find = (measure: Measure, variant: string, group: string) =>
    own.find((one) => one.measure === measure && one.variant === variant && one.class === group);
  const variants = [...new Set(own.map(({ variant }) => variant))];
  const classes = [...new Set(own.map((figure: Figure) => figure.class))];
  sayTable(
    ['VARIANT', 'CLASS', 'N', '1', 'BEST', 'C', 'F', 'I', 'H'],
    variants.flatMap((variant) =>
      classes.map((group) => {
        const success = find('success', variant, group);
        const part = (measure: Measure) => plainNumber(find(measure, variant, group)?.fixed);
        return [
          variant,
          group === allClasses ? 'all' : group,
          String((success?.fixed ?? success?.oracle)?.n ?? 0),
          shown(success?.fixed),
          shown(success?.oracle),
          part('concept'),
          part('fluency'),
          part('instruction'),
          part('harmonic'),
        ];
      }),
    ),
  );
}

/** Dollars for a million tokens of a judge: what it reads, and what it writes. */
interface Price {
  readonly input: number;
  readonly output: number;
}

/** @throws SteerdError */
export function priceOf(said: string | undefined): Price | undefined {
  if (said === undefined) return undefined;
  const parts = said.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const [input = Number.NaN, output = Number.NaN] = parts;
  if (parts.length === 2 && input >= 0 && output >= 0) return { input, output };
  throw errors.invalidValue('--judge-price', 'two numbers, such as 0.15,0.6', said);
}

/** Dollars by judge; none where no price is known. */
export function costOf({ judge_use: uses }: Summary, price: Price | undefined): Record<string, number> {
  if (price === undefined) return {};
  const { input, output } = price;
  return Object.fromEntries(
    Object.entries(uses).map(([judge, use]) => [
      judge,
      (use.prompt_tokens * input + use.completion_tokens * output) / 1e6,
    ]),
  );
}

/** @param differ what the runs were asked differently: then not only what is compared may be the reason */
export function sayComparison(
  { models, differences, unpaired }: Comparison,
  differ: readonly string[],
): void {
  sayWrapped(`a: ${models[0]}`);
  sayWrapped(`b: ${models[1]}`);
  if (differ.length > 0) sayWrapped(`They differ in: ${differ.join(', ')}`);
  const told = differences.filter(({ figure }) => /(success|harmonic)$/.test(figure));
  const number = (value: number) => value.toFixed(2);
  sayTable(
    ['FIGURE', 'VARIANT', 'CLASS', 'AT', 'N', 'A', 'B', 'B - A (95 %)'],
    told.map(({ figure, variant, other, class: group, which, a, b, difference }) => [
      figure,
      variant === other ? variant : `${variant} / ${other}`,
      group,
      which === 'fixed' ? '1' : 'best',
      String(difference.n),
      number(a),
      number(b),
      `${number(difference.mean)} (${number(difference.low)} to ${number(difference.high)})`,
    ]),
  );
  if (unpaired.length > 0) sayWrapped(`In one of the two only: ${unpaired.join('; ')}`);
}
