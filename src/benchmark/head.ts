/** A run's head: everything that decides its figures, known before the first answer. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import { packageVersion } from '../common/package.js';
import { unixSeconds } from '../common/stamps.js';
import { errors } from '../errors.js';
import { statementOf } from '../fitting/measure/concept-statement.js';
import type { ModelObject } from '../schemas/models.js';
import { answerTo } from './answers.js';
import { type BenchApi, patiently, post } from './client.js';
import { confusersOf, keyOf } from './concepts.js';
import { asConcept } from './fit-variant.js';
import { judgeQuestions } from './judge-prompts.js';
import { planHash } from './plan.js';
import type { BenchConcept, Point, Run, Variant } from './records.js';
import { promptsOf } from './test-prompts.js';

export interface HeadSettings {
  readonly concepts: readonly BenchConcept[];
  readonly variants: readonly Variant[];
  readonly points: readonly Point[];
  readonly options: Run['options'];
}

/** @throws what the API throws; the model is loaded when it resolves */
export async function headOf(api: BenchApi, settings: HeadSettings): Promise<Run> {
  const { concepts, variants, points, options } = settings;
  const model = await modelOf(api);
  const run: Omit<Run, 'plan'> = {
    object: 'benchmark.run',
    format: 1,
    started_at: unixSeconds(),
    versions: { steerd: packageVersion, node: process.version, onnxruntime: runtimeVersion() },
    model,
    machine: {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memory_bytes: totalmem(),
      platform: `${process.platform} ${process.arch}`,
      server: api.where,
    },
    options,
    variants: [...variants],
    points: [...points],
    concepts: [...concepts],
    texts: {
      prompts: Object.fromEntries(
        [...new Set(concepts.map((concept) => concept.class))].map((group) => [group, [...promptsOf(group)]]),
      ),
      judge_prompts: options.judge === null ? {} : { ...judgeQuestions },
      decoys: Object.fromEntries(concepts.map((concept) => [keyOf(concept), decoysOf(concept)])),
      confusers: confusersOf(concepts, options.seed).map(({ name, class: group }) => ({
        concept: name,
        class: group,
      })),
    },
  };
  return { ...run, plan: planHash(run) };
}

const decoysOf = (concept: BenchConcept): string[] => [
  ...(statementOf(asConcept(concept), concept.prefix)?.decoys ?? []),
];

/** One short answer says which model it is, and has it loaded. */
async function modelOf(api: BenchApi): Promise<Run['model']> {
  await answerTo(api, { prompt: 'Hello', seed: 0 }, { temperature: 0, max_tokens: 1 }, api.signal);
  const id = api.named.model ?? (await post<{ model: string }>(api, '/v1/steering/judge', probe)).model;
  const about = await patiently(api.signal, () =>
    api.json<ModelObject>(`/v1/models/${encodeURIComponent(id)}`),
  );
  const { fingerprint, layers, hidden_size } = about;
  return { id, fingerprint, layers, hidden_size };
}

const probe = { questions: ['Hello?', 'Who?'], answers: [{ question: 0, answer: '' }] };

/** Of this process; a server of the same version has the same. */
function runtimeVersion(): string | null {
  try {
    const file = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } catch {
    return null;
  }
}

/**
 * The head to go on with: the one that is there, where it is of the same plan. Another judge may go on with it.
 * @throws SteerdError naming what differs
 */
export function goingOn(before: Run, now: Run, folder: string): Run {
  if (before.plan === now.plan)
    return { ...before, options: { ...before.options, judge: now.options.judge } };
  const differs = differences(before, now);
  throw errors.invalidValue(
    '--out',
    `a new folder, or one whose run has the same plan (${differs.join(', ') || 'the plan'} differ)`,
    folder,
  );
}

const deciding = ['model', 'options', 'variants', 'points', 'concepts', 'texts'] as const;

/** In which of the parts that decide the cells two heads differ; of what is not known yet nothing is said. */
export function differences(
  before: Run,
  now: HeadSettings & Partial<Pick<Run, 'model' | 'texts'>>,
): string[] {
  const said = (part: unknown) =>
    JSON.stringify(part, (key, value: unknown) => (leftOut.has(key) ? undefined : value));
  return deciding.filter((part) => now[part] !== undefined && said(before[part]) !== said(now[part]));
}

/** What may change from one part of a run to the next. */
const leftOut = new Set(['judge', 'list', 'judge_prompts']);
