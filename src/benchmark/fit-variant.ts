/** Fits one concept in one way through the API, and tells what came of it as a record. */
import { setTimeout as pause } from 'node:timers/promises';
import { evenlySpread } from '../common/evenly-spread.js';
import { unmeasuredMethods } from '../concepts/concept.js';
import { statementOf } from '../fitting/measure/concept-statement.js';
import { defaultStatements } from '../fitting/statements/index.js';
import { heldOutQuestions } from '../fitting/statements/questions.js';
import type { ConceptObject } from '../schemas/concepts.js';
import type { FitJob } from '../schemas/fit-jobs.js';
import { usualCalibration } from '../schemas/measurements.js';
import { type BenchApi, isRefusal, patiently, post } from './client.js';
import type { BenchConcept, FitRecord, Run, Variant } from './records.js';

/** What a brief calibration asks: a quarter of the questions and half the decoys of a full one. */
const brief = { questions: usualCalibration.questions / 4, others: usualCalibration.others / 2 } as const;
/** Milliseconds between looks at a job. */
const look = { first: 100, longest: 2000 } as const;

/** A fit that its service could not make, in its words. */
class FitFailed extends Error {}

/**
 * @param name the concept's, in the service
 * @throws what the API throws when it is the service that fails; a fit that is impossible is a record with its error
 */
export async function fitVariant(
  api: BenchApi,
  { concept, variant, name, run }: { concept: BenchConcept; variant: Variant; name: string; run: Run },
  signal: AbortSignal,
): Promise<FitRecord> {
  const { calibration } = run.options;
  const about = { kind: 'fit', concept: concept.name, class: concept.class, variant: variant.id } as const;
  const started = performance.now();
  try {
    const job = await fitted(api, fitBody(concept, variant, name, run), signal);
    const fitSeconds = secondsSince(started);
    const asked = calibrationOf(concept, calibration);
    if (asked !== null) await post(api, `/v1/concepts/${name}/calibrate`, asked, signal);
    const found = await patiently(signal, () =>
      api.json<ConceptObject>(api.concepts(`/${name}`), { signal }),
    );
    const seconds = { fit: fitSeconds, calibrate: rounded(secondsSince(started) - fitSeconds) };
    return { ...about, error: null, ...toldOf(job, found), seconds };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof FitFailed || isRefusal(error))) throw error;
    const nothing = { version: null, layers: [], calibration: null, side_effects: null, warnings: [] };
    const seconds = { fit: secondsSince(started), calibrate: 0 };
    return { ...about, error: (error as Error).message, ...nothing, seconds };
  }
}

/** What is asked for after the fit; null where the fit did it, or the rule. */
function calibrationOf(
  concept: BenchConcept,
  calibration: Run['options']['calibration'],
): Record<string, unknown> | null {
  const { prefix } = concept;
  if (calibration === 'glance') return { prefix, glance: true };
  if (calibration !== 'brief') return null;
  const { decoys = [] } = statementOf(asConcept(concept), prefix) ?? {};
  return {
    questions: heldOutQuestions.slice(0, brief.questions),
    prefix,
    strength_only: true,
    ...(decoys.length > 0 && { others: decoys.slice(0, brief.others) }),
  };
}

const secondsSince = (started: number) => rounded((performance.now() - started) / 1000);
const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** As the built-in judge takes it: what states it is its prefix. */
export const asConcept = ({ name, prefix }: BenchConcept) => ({
  name,
  record: { recipe: '', method: '', prefix, seed: 0, details: {} },
});

function fitBody(concept: BenchConcept, variant: Variant, name: string, run: Run): Record<string, unknown> {
  const { recipe, method, contrast, profile, token, labels, layers, statements } = variant;
  const { positive, negative } = defaultStatements;
  return {
    name,
    ...(concept.subject === null
      ? { prefix: concept.prefix }
      : { class: concept.class, subject: concept.subject }),
    recipe,
    method,
    profile,
    layers,
    seed: run.options.seed,
    calibrate: run.options.calibration === 'full',
    ...(contrast !== null && { contrast }),
    ...(token !== 'chosen' && { token }),
    ...(labels !== null && { labels }),
    ...(statements !== null && {
      statements: {
        positive: evenlySpread(positive, Math.min(statements, positive.length)),
        negative: evenlySpread(negative, Math.min(statements, negative.length)),
      },
    }),
  };
}

async function fitted(api: BenchApi, body: object, signal: AbortSignal): Promise<FitJob> {
  const { id } = await post<FitJob>(api, '/v1/fits', body, signal);
  try {
    for (let wait: number = look.first; ; wait = Math.min(look.longest, wait * 1.3)) {
      const job = await patiently(signal, () => api.json<FitJob>(`/v1/fits/${id}`, { signal }));
      if (job.status === 'succeeded') return job;
      if (job.status === 'failed' || job.status === 'cancelled')
        throw new FitFailed(job.error?.message ?? `the fit was ${job.status}`);
      await pause(wait, null, { signal });
    }
  } catch (error) {
    if (signal.aborted) {
      // Its own signal: the run's is aborted.
      const last = AbortSignal.timeout(10_000);
      await api.json(`/v1/fits/${id}/cancel`, { method: 'POST', signal: last }).catch(() => {});
      throw signal.reason;
    }
    throw error;
  }
}

function toldOf(
  job: FitJob,
  { version, calibration, warnings = [] }: ConceptObject,
): Pick<FitRecord, 'version' | 'layers' | 'calibration' | 'side_effects' | 'warnings'> {
  const { coefficients, method, details } = calibration;
  const measured = unmeasuredMethods.includes(method) ? null : (details as unknown as Measured);
  return {
    version,
    layers: job.layers.map(({ layer, token, auroc, validation_r: r, bandwidth }) => ({
      layer,
      token: token ?? null,
      auroc: auroc == null ? null : Math.round(auroc * 1e4) / 1e4,
      validation_r: r ?? null,
      bandwidth: bandwidth ?? null,
      coefficient: coefficients[layer] ?? null,
    })),
    calibration: measured && {
      share: measured.share,
      max_strength: measured.max_strength ?? null,
      onset_strength: measured.onset_strength ?? null,
      weak: measured.weak ?? null,
      told_follows: measured.told?.follows ?? null,
      scores: measured.scores ?? null,
    },
    side_effects: measured?.side_effects ? sideEffectsOf(measured.side_effects) : null,
    warnings,
  };
}

interface Share {
  readonly n: number;
  readonly share: number | null;
}

/** What a calibration's details hold, written by calibration-details.ts in src/fitting/measure; after a glance `share` alone. */
interface Measured {
  readonly share: number;
  readonly max_strength?: number;
  readonly onset_strength?: number | null;
  readonly weak?: boolean;
  readonly told?: { readonly follows: boolean } | null;
  readonly scores?: NonNullable<FitRecord['calibration']>['scores'];
  readonly side_effects?: null | {
    readonly unsteered: { readonly facts_right: Share; readonly valid_json: Share };
    readonly strengths: readonly {
      readonly strength: number;
      readonly neutral_log_probability_change: { readonly mean: number };
      readonly facts_still_right: Share;
      readonly valid_json: Share;
    }[];
  };
}

function sideEffectsOf({
  unsteered,
  strengths,
}: NonNullable<Measured['side_effects']>): FitRecord['side_effects'] {
  const counted = ({ n, share }: Share) => ({ n, share });
  return {
    unsteered: {
      facts_right: counted(unsteered.facts_right),
      valid_json: counted(unsteered.valid_json),
    },
    strengths: strengths.map((one) => ({
      strength: one.strength,
      neutral_log_probability_change: one.neutral_log_probability_change.mean,
      facts_still_right: counted(one.facts_still_right),
      valid_json: counted(one.valid_json),
    })),
  };
}
