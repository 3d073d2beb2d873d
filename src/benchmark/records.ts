/**
 * What a run of the benchmark leaves behind, and all that any figure is computed from: `run.json`, the head, written
 * once, and `records.jsonl`, a line for each thing that is finished, in the order in which they were. Lines of a fit,
 * of an answer and of a judgement refer to each other by what they are about, never by their place, so that their order
 * tells nothing. Numbers that were measured have four decimals: sums of them are the same in any order.
 */
import { z } from 'zod';
import { calibrationKinds } from '../schemas/benchmarks.js';
import { contrastKinds, labelKinds, methodNames, profileNames, recipeNames } from '../schemas/fit-choices.js';

export const runFile = 'run.json';
export const recordsFile = 'records.jsonl';
/** Judges' answers by the content of what they were asked: `judge-cache/ab/abcdef....json`. */
export const judgeCacheFolder = 'judge-cache';

/** What a list says of one concept. */
export const BenchConcept = z.object({
  /** As the list writes it; with `class`, unique within a run. */
  name: z.string(),
  /** One of the five of the paper, or the user's own word, such as `custom`. */
  class: z.string(),
  /** States it to the model. */
  prefix: z.string(),
  /** As it reads inside its class's sentence; null where a prefix was given instead. */
  subject: z.string().nullable(),
  /** Its own test prompts; null where those of its class are asked. */
  prompts: z.array(z.string()).nullable(),
});
export type BenchConcept = z.output<typeof BenchConcept>;

/** One way to make a concept's vectors: one column of the table, one bar of a plot. */
export const Variant = z.object({
  /** Names it in records and tables, unique within a run: "attention rfm, contrast none". What all variants share is left out. */
  id: z.string(),
  recipe: z.enum(recipeNames),
  method: z.enum(methodNames),
  /** Null: the recipe's own. */
  contrast: z.enum(contrastKinds).nullable(),
  /** How coefficients are shared out among layers. */
  profile: z.enum(profileNames),
  /** The one token that all layers read, or each layer's own choice. */
  token: z.union([z.literal('chosen'), z.int().max(-1)]),
  /** Null: the recipe's own. */
  labels: z.enum(labelKinds).nullable(),
  /** Which layers get a vector: by the share of heads that attend to the concept, most or least. */
  layers: z.union([z.literal('all'), z.object({ top: z.int() }), z.object({ bottom: z.int() })]),
  /** Of each side; null for the recipe's own number. */
  statements: z.int().nullable(),
});
export type Variant = z.output<typeof Variant>;

/** How strongly an answer is steered. `strength`: 1 is what the calibration found. `coefficient`: on unit vectors, the paper's. */
export const Point = z.object({ scale: z.enum(['strength', 'coefficient']), value: z.number() });
export type Point = z.output<typeof Point>;

/** How an answer came about. `plain`: the unsteered model; `told`: the concept's message, no steering. */
export const ways = ['plain', 'told', 'steered'] as const;

/** The scores that an external judge is asked for: the paper's success (0, 1), and AxBench's three (0, 1, 2). */
export const judgeScores = ['success', 'concept', 'instruction', 'fluency'] as const;
export type JudgeScoreName = (typeof judgeScores)[number];

export const Run = z.object({
  object: z.literal('benchmark.run'),
  format: z.literal(1),
  /** SHA-256 (hex) of what decides the cells: a run goes on only with the same plan. */
  plan: z.string(),
  started_at: z.int().meta({ description: 'Unix seconds.' }),
  versions: z.object({ steerd: z.string(), node: z.string(), onnxruntime: z.string().nullable() }),
  model: z.object({
    id: z.string(),
    fingerprint: z.string().nullable(),
    layers: z.int().nullable(),
    hidden_size: z.int().nullable(),
  }),
  machine: z.object({
    cpu: z.string(),
    cores: z.int(),
    memory_bytes: z.int(),
    platform: z.string(),
    /** Null for the command's own process. */
    server: z.string().nullable(),
  }),
  /** As typed, with defaults filled in. */
  options: z.object({
    list: z.string().meta({ description: 'A file, or `paper` for the 512 names.' }),
    sample: z.int().nullable(),
    seed: z.int(),
    /** Of answers at a temperature; [0] where all are greedy. */
    seeds: z.array(z.int()),
    temperature: z.number(),
    max_tokens: z.int(),
    calibration: z.enum(calibrationKinds),
    judge: z.object({ url: z.string(), model: z.string(), scores: z.array(z.enum(judgeScores)) }).nullable(),
  }),
  variants: z.array(Variant),
  points: z.array(Point),
  /** Short lists are here whole, long ones too: they are names. */
  concepts: z.array(BenchConcept),
  texts: z.object({
    /** By class: asked of each concept of it. */
    prompts: z.record(z.string(), z.array(z.string())),
    /** By score: what the judge is asked, with its places {concept}, {class}, {prompt} and {answer}. */
    judge_prompts: z.record(z.string(), z.string()),
    /** What the built-in judge reads answers after besides the concept's own message, by the concept as `class/name`. */
    decoys: z.record(z.string(), z.array(z.string())),
    /** Concepts whose messages told answers and those at strength 1 are held against, for the confusion matrix: all of a short list, else some of each class. */
    confusers: z.array(z.object({ concept: z.string(), class: z.string() })),
  }),
});
export type Run = z.output<typeof Run>;

const seconds = z.number().meta({ description: 'Wall clock.' });
/** Which concept a line is about. */
const about = { concept: z.string(), class: z.string() };

/** One layer of a fit. */
export const FittedLayer = z.object({
  layer: z.int(),
  /** Offset from the end of the token read; null where a recipe reads many. */
  token: z.int().nullable(),
  /** Area under the ROC curve of the projections of examples held out (of all, where none were): 0.5 is chance. */
  auroc: z.number().nullable(),
  /** |Pearson's r| with the labels on the examples held out. */
  validation_r: z.number().nullable(),
  /** Of the kernel (method rfm). */
  bandwidth: z.number().nullable(),
  /** On the unit vector at strength 1; 0 where not steered. */
  coefficient: z.number().nullable(),
});

const Counted = z.object({ n: z.int(), share: z.number().nullable() });

/** A concept was fitted in one way, or could not be. */
export const FitRecord = z.object({
  kind: z.literal('fit'),
  ...about,
  variant: z.string(),
  /** In the service's words; null where it was fitted. Then nothing else below is known, and its answers are missing. */
  error: z.string().nullable(),
  version: z.string().nullable(),
  layers: z.array(FittedLayer),
  /** What the calibration found; null by the rule. */
  calibration: z
    .object({
      /** Of strength 1: mean over the steered layers of |edit| / |residual|. */
      share: z.number(),
      max_strength: z.number().nullable(),
      onset_strength: z.number().nullable(),
      weak: z.boolean().nullable(),
      /** Whether the told model shows the concept at all. */
      told_follows: z.boolean().nullable(),
      /** At strength 1, of the calibration's own questions; null after a glance, which has none. */
      scores: z
        .object({
          concept: z.number().nullable(),
          fluency: z.number(),
          instruction: z.number(),
          harmonic: z.number(),
        })
        .nullable(),
    })
    .nullable(),
  side_effects: z
    .object({
      unsteered: z.object({ facts_right: Counted, valid_json: Counted }),
      strengths: z.array(
        z.object({
          strength: z.number(),
          /** Nats per token that neutral texts gain. */
          neutral_log_probability_change: z.number(),
          facts_still_right: Counted,
          valid_json: Counted,
        }),
      ),
    })
    .nullable(),
  warnings: z.array(z.string()),
  seconds: z.object({ fit: seconds, calibrate: seconds }),
});
export type FitRecord = z.output<typeof FitRecord>;

/** What the unsteered model reads in one answer: src/fitting/measure/steering-scores.ts says what each value is. */
export const Reading = z.object({
  evidence: z.number().nullable(),
  /** Whether the concept's own message explains it better than every decoy. */
  identified: z.boolean().nullable(),
  log_probability: z.number(),
  relevance: z.number(),
  distinct_2: z.number(),
  failed: z.boolean(),
  /**
   * The concept of the run whose message explains it best, among `confusers` of run.json and its own; null where nobody
   * asked: only told answers and those at strength 1 are read so.
   */
  explained_by: z.object({ concept: z.string(), class: z.string() }).nullable(),
});

const answerKey = {
  ...about,
  way: z.enum(ways),
  /** Null unless steered. */
  variant: z.string().nullable(),
  point: Point.nullable(),
  /** Index into the prompts of the concept. */
  prompt: z.int(),
  seed: z.int(),
};

/** One cell: an answer, with what the built-in judge says of it. */
export const AnswerRecord = z.object({
  kind: z.literal('answer'),
  /** Its number in the plan: a run repeats none. */
  cell: z.int(),
  ...answerKey,
  answer: z.string(),
  tokens: z.int(),
  finish_reason: z.enum(['stop', 'length']),
  reading: Reading,
  /**
   * Of this answer alone, against plain and told ones to all prompts of the concept; means of them are not what the same scores
   * of many answers are, for which summarise() takes the readings.
   */
  scores: z.object({
    concept: z.number().nullable(),
    fluency: z.number(),
    instruction: z.number(),
    harmonic: z.number(),
  }),
  /** The built-in judge's success: identified, fluent (F at least 0.5), and neither refused nor in another language. */
  success: z.boolean(),
  /** Of writing it (its share of a batch). */
  seconds,
});
export type AnswerRecord = z.output<typeof AnswerRecord>;

/** One score of an answer by the external judge. */
export const JudgementRecord = z.object({
  kind: z.literal('judgement'),
  cell: z.int(),
  ...answerKey,
  /** Which judge: a run can be judged again by another. */
  judge: z.string(),
  score_name: z.enum(judgeScores),
  /** 0 or 1 for success, 0 to 2 for the others; null where no answer of the judge could be read. */
  score: z.number().nullable(),
  reason: z.string(),
  /** Answers of the judge that could not be read before this one. */
  malformed: z.int(),
  /** Requests that were refused for now (429, 5xx), timed out or broken, and sent again. */
  retries: z.int(),
  /** Of the judge, all attempts together; 0 where cached. */
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  cached: z.boolean(),
  seconds,
});
export type JudgementRecord = z.output<typeof JudgementRecord>;

export const BenchRecord = z.discriminatedUnion('kind', [FitRecord, AnswerRecord, JudgementRecord]);
export type BenchRecord = z.output<typeof BenchRecord>;

/** What a record is of, the same from every server and in every folder. */
export function aboutOf(record: BenchRecord): string {
  if (record.kind === 'fit') return JSON.stringify(['fit', record.class, record.concept, record.variant]);
  if (record.kind === 'answer') return `answer ${record.cell}`;
  return JSON.stringify(['judgement', record.cell, record.judge, record.score_name]);
}
