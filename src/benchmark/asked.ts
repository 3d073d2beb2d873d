/** What a run is made of, as it was asked: by the command's options, or by a request. */
import { errors } from '../errors.js';
import { type BenchmarkRequest, benchmarkLimits } from '../schemas/benchmarks.js';
import { conceptsIn, paperConcepts, sampleOf } from './concepts.js';
import { Cells, pointsOf, variantsOf } from './plan.js';
import type { BenchConcept, Point, Run, Variant } from './records.js';

export interface Asked {
  readonly concepts: readonly BenchConcept[];
  readonly variants: readonly Variant[];
  readonly points: readonly Point[];
  readonly options: Run['options'];
}

/** The cells of what was asked. */
export const cellsOf = (asked: Asked): Cells =>
  new Cells({
    ...{ concepts: [...asked.concepts], variants: [...asked.variants], points: [...asked.points] },
    options: asked.options,
    texts: { prompts: {}, judge_prompts: {}, decoys: {}, confusers: [] },
  });

/** @throws SteerdError invalid_value naming the field */
export function askedOfRequest(request: BenchmarkRequest): Asked {
  const { seed, seeds, sample, strengths, coefficients, calibration, max_tokens } = request;
  const temperature = request.temperature ?? (seeds > 1 ? 0.8 : 0);
  if (temperature === 0 && seeds > 1)
    throw errors.invalidValue('seeds', '1 at temperature 0, where all answers are the same', seeds);
  const listed = listedConcepts(request);
  const asked: Asked = {
    concepts: sample === undefined ? listed : sampleOf(listed, sample, seed),
    variants: variantsAsked(request),
    points: pointsOf(strengths, coefficients),
    options: {
      list: request.concepts === undefined ? 'paper' : 'request',
      sample: sample ?? null,
      seed,
      seeds: Array.from({ length: seeds }, (_, i) => seed + i),
      temperature,
      max_tokens,
      calibration,
      judge: null,
    },
  };
  const { total } = cellsOf(asked);
  if (total > benchmarkLimits.answers)
    throw errors.invalidValue('concepts', `few enough for at most ${benchmarkLimits.answers} answers`, total);
  return asked;
}

const listedConcepts = ({ concepts }: BenchmarkRequest): BenchConcept[] =>
  concepts === undefined
    ? paperConcepts()
    : conceptsIn(
        concepts.map((value, index) => ({ at: `concepts.${index}`, value })),
        (at) => at,
      );

function variantsAsked(request: BenchmarkRequest): Variant[] {
  const usual = [null];
  const { contrasts = usual, labels = usual, statements = usual, one_at_a_time: oneAtATime } = request;
  const { recipes, methods, profiles, tokens, layers } = request;
  const axes = { recipes, methods, contrasts, profiles, tokens, labels, layers, statements };
  const lengths = Object.values(axes).map(({ length }) => length);
  const ways = oneAtATime
    ? lengths.reduce((sum, length) => sum + length - 1, 1)
    : lengths.reduce((product, length) => product * length);
  if (ways > benchmarkLimits.variants)
    throw errors.invalidValue('methods', `few enough for at most ${benchmarkLimits.variants} ways`, ways);
  return variantsOf(axes, oneAtATime);
}
