/** A small made-up run whose records have everything that a report draws: two classes, two ways, two judges, a fit that failed. */

import type { AnswerRecord, BenchRecord, FitRecord, Point, Run } from '../../../src/benchmark/records.js';
import { BenchRecord as BenchRecordSchema, Run as RunSchema } from '../../../src/benchmark/records.js';
import { Random } from '../../../src/common/random.js';

const classes = { fears: ['spiders', 'heights', 'fire & <ice>'], moods: ['calm', 'angry'] } as const;
const variants = ['attention rfm', 'texts mean_difference'];
const points: Point[] = [
  ...[0.5, 1, 1.5].map((value): Point => ({ scale: 'strength', value })),
  { scale: 'coefficient', value: 4 },
];
const promptsEach = 3;
const layers = 6;

const four = (value: number) => Math.round(value * 1e4) / 1e4;

/** @param seed of everything that is made up */
export function sampleRun(seed = 1): { readonly run: Run; readonly records: readonly BenchRecord[] } {
  const random = new Random(seed);
  const next = (low: number, high: number) => four(low + (high - low) * random.uniform());
  const concepts = Object.entries(classes).flatMap(([className, names]) =>
    names.map((name) => ({ name, class: className, prefix: `Be ${name}.`, subject: name, prompts: null })),
  );
  const run: Run = {
    object: 'benchmark.run',
    format: 1,
    plan: 'a'.repeat(64),
    started_at: 1_790_000_000,
    versions: { steerd: '0.1.0', node: 'v20', onnxruntime: '1.30.0' },
    model: { id: 'tiny', fingerprint: 'f'.repeat(64), layers, hidden_size: 8 },
    machine: { cpu: 'some', cores: 2, memory_bytes: 8 * 1024 ** 3, platform: 'linux x64', server: null },
    options: {
      ...{
        list: 'paper',
        sample: 3,
        seed: 0,
        seeds: [0],
        temperature: 0,
        max_tokens: 32,
        calibration: 'brief',
      },
      judge: {
        url: 'http://127.0.0.1:1/v1',
        model: 'judge-1',
        scores: ['success', 'concept', 'instruction', 'fluency'],
      },
    },
    variants: [
      variantOf(variants[0] as string, 'attention', 'rfm'),
      variantOf(variants[1] as string, 'texts', 'mean_difference'),
    ],
    points,
    concepts,
    texts: {
      prompts: Object.fromEntries(
        Object.keys(classes).map((name) => [name, ['One?', 'Two?', 'Three?'].slice(0, promptsEach)]),
      ),
      judge_prompts: { success: 'Does {answer} show {concept}?' },
      decoys: {},
      confusers: concepts.map(({ name, class: className }) => ({ concept: name, class: className })),
    },
  };
  const records: BenchRecord[] = [];
  let cell = 0;
  const answer = (
    about: { concept: string; class: string },
    way: AnswerRecord['way'],
    variant: string | null,
    point: Point | null,
    prompt: number,
  ) => {
    const key = { ...about, way, variant, point, prompt, seed: 0 };
    const success = random.uniform() < (way === 'plain' ? 0.1 : way === 'told' ? 0.8 : 0.5);
    const told = way === 'told' || (point?.scale === 'strength' && point.value === 1);
    const other = concepts[random.bits() % concepts.length] as (typeof concepts)[number];
    records.push({
      kind: 'answer',
      cell,
      ...key,
      answer: `An answer & <b>${cell}</b>\nof two lines`,
      tokens: 12,
      finish_reason: 'stop',
      reading: {
        evidence: next(-0.1, 0.9),
        identified: success,
        log_probability: next(-3, -1),
        relevance: next(0, 1),
        distinct_2: next(0.5, 1),
        failed: random.uniform() < 0.1,
        explained_by: told ? { concept: other.name, class: other.class } : null,
      },
      scores: { concept: next(0, 1), fluency: next(0, 1), instruction: next(0, 1), harmonic: next(0, 1) },
      success,
      seconds: 0.5,
    });
    for (const score_name of run.options.judge?.scores ?? []) {
      const most = score_name === 'success' ? 2 : 3;
      records.push({
        kind: 'judgement',
        cell,
        ...key,
        judge: 'judge-1',
        score_name,
        score: random.uniform() < 0.05 ? null : random.bits() % most,
        reason: '',
        ...{ malformed: 0, retries: 0, prompt_tokens: 10, completion_tokens: 2, cached: false, seconds: 0.1 },
      });
    }
    cell++;
  };
  for (const { name, class: className } of concepts) {
    const about = { concept: name, class: className };
    for (let prompt = 0; prompt < promptsEach; prompt++) {
      answer(about, 'plain', null, null, prompt);
      answer(about, 'told', null, null, prompt);
    }
    for (const variant of variants) {
      const fails = name === 'angry' && variant === variants[1];
      records.push(fitOf(about, variant, fails ? 'no text was written' : null, next));
      if (fails) continue;
      for (const point of points)
        for (let prompt = 0; prompt < promptsEach; prompt++) answer(about, 'steered', variant, point, prompt);
    }
  }
  RunSchema.parse(run);
  for (const record of records) BenchRecordSchema.parse(record);
  return { run, records };
}

const variantOf = (id: string, recipe: 'attention' | 'texts', method: 'rfm' | 'mean_difference') => ({
  ...{ id, recipe, method, contrast: null, profile: 'uniform' as const, token: 'chosen' as const },
  ...{ labels: null, layers: 'all' as const, statements: null },
});

function fitOf(
  about: { concept: string; class: string },
  variant: string,
  error: string | null,
  next: (low: number, high: number) => number,
): FitRecord {
  const share = () => ({ n: 20, share: next(0.5, 1) });
  return {
    kind: 'fit',
    ...about,
    variant,
    error,
    version: error === null ? 'b'.repeat(64) : null,
    layers:
      error === null
        ? Array.from({ length: layers - 1 }, (_, i) => ({
            layer: i + 1,
            token: variant === variants[0] ? -1 - (Math.floor(next(0, 5)) % 5) : null,
            auroc: next(0.5, 1),
            validation_r: next(0, 1),
            bandwidth: null,
            coefficient: next(0, 3),
          }))
        : [],
    calibration:
      error === null
        ? {
            ...{
              share: next(0.01, 0.1),
              max_strength: next(1, 2),
              onset_strength: null,
              weak: false,
              told_follows: true,
            },
            scores: { concept: 0.5, fluency: 0.8, instruction: 0.7, harmonic: 0.6 },
          }
        : null,
    side_effects:
      error === null
        ? {
            unsteered: { facts_right: share(), valid_json: share() },
            strengths: [0.5, 1, 1.7].map((strength) => ({
              strength,
              neutral_log_probability_change: next(-0.5, 0),
              facts_still_right: share(),
              valid_json: share(),
            })),
          }
        : null,
    warnings: [],
    seconds: { fit: 1, calibrate: 2 },
  };
}
