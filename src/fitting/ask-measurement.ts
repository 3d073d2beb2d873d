/** Calibrations and sweeps asked for as jobs: what is wrong is told before they are queued, and they do what their caller may do. */
import { type ConceptLibrary, storedConcept } from '../concepts/concept-lookup.js';
import type { ModelRegistry } from '../models/registry.js';
import type { CalibrationJob, SweepJob } from '../schemas/measurement-jobs.js';
import type { CalibrationJobRequest, SweepRequest } from '../schemas/measurements.js';
import type { MeasurementJobs } from './measurement-jobs.js';

/** The services as the caller may use them, and who that is: null without keys. */
interface Caller {
  readonly models: Pick<ModelRegistry, 'get'>;
  readonly concepts: ConceptLibrary;
  readonly key: { readonly id: string; readonly max_concepts: number | null } | null;
}

const askerOf = ({ key, concepts: { maxStrength } }: Caller) => ({
  owner: key?.id ?? null,
  ...(key !== null && { maker: { key: key.id, most: key.max_concepts } }),
  ...(maxStrength !== undefined && { maxStrength }),
});

/**
 * @param signal of the request, which the job outlives
 * @throws SteerdError concept_not_found, model_not_found, model_unavailable, queue_full
 */
export async function askCalibration(
  jobs: MeasurementJobs,
  request: CalibrationJobRequest,
  caller: Caller,
  signal: AbortSignal,
): Promise<CalibrationJob> {
  const model = await caller.models.get(request.model, signal);
  await storedConcept(caller.concepts, model.id, request.concept, 'concept');
  return jobs.calibrate(request, model.id, askerOf(caller));
}

/**
 * @param signal of the request, which the job outlives
 * @throws SteerdError concept_not_found, model_not_found, model_unavailable, queue_full
 */
export async function askSweep(
  jobs: MeasurementJobs,
  request: SweepRequest,
  caller: Caller,
  signal: AbortSignal,
): Promise<SweepJob> {
  const { id } = await caller.models.get(request.model, signal);
  for (const [index, name] of request.concepts.entries())
    await storedConcept(caller.concepts, id, name, `concepts.${index}`);
  return jobs.sweep(request, id, askerOf(caller));
}
