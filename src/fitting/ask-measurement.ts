/** Calibrations and sweeps asked for as jobs: what is wrong is told before they are queued, and they do what their caller may do. */
import { type ConceptLibrary, storedConcept } from '../concepts/concept-lookup.js';
import { keepLoaded } from '../models/model.js';
import type { ModelRegistry } from '../models/registry.js';
import type { CalibrationJob, SweepJob } from '../schemas/measurement-jobs.js';
import type { CalibrationJobRequest, SweepRequest } from '../schemas/measurements.js';
import { calibrateStored } from './measure/calibrate-stored.js';
import { conceptWarnings } from './measure/calibration-warnings.js';
import { sweep } from './measure/sweep.js';
import type { MeasurementJobs } from './measurement-jobs.js';

/** As the caller may use them, and who that is: a key's id, null without keys. */
interface Caller {
  readonly models: Pick<ModelRegistry, 'get'>;
  readonly concepts: ConceptLibrary;
  readonly owner: string | null;
}

/**
 * @param signal of the request, which the job outlives
 * @throws SteerdError concept_not_found, model_not_found, model_unavailable, queue_full
 */
export async function askCalibration(
  jobs: MeasurementJobs,
  { concept: name, ...request }: CalibrationJobRequest,
  { models, concepts, owner }: Caller,
  signal: AbortSignal,
): Promise<CalibrationJob> {
  const model = await models.get(request.model, signal);
  await storedConcept(concepts, model.id, name, 'concept');
  return jobs.calibrate(
    name,
    model.id,
    async (cancelled, onProgress) => {
      const asked = { ...request, model: model.id };
      const { concept } = await calibrateStored(name, asked, models, concepts, cancelled, onProgress);
      return { concept: { name, version: concept.version }, warnings: [...conceptWarnings(concept)] };
    },
    owner,
  );
}

/**
 * @param signal of the request, which the job outlives
 * @throws SteerdError concept_not_found, model_not_found, model_unavailable, queue_full
 */
export async function askSweep(
  jobs: MeasurementJobs,
  request: SweepRequest,
  { models, concepts, owner }: Caller,
  signal: AbortSignal,
): Promise<SweepJob> {
  const { id } = await models.get(request.model, signal);
  for (const [index, name] of request.concepts.entries())
    await storedConcept(concepts, id, name, `concepts.${index}`);
  const answers = request.prompts.length * request.concepts.length * request.strengths.length;
  return jobs.sweep(
    answers,
    id,
    async (cancelled, onProgress) => {
      const model = await models.get(id, cancelled);
      const measure = () => sweep(request, model, concepts, cancelled, onProgress);
      return { result: await keepLoaded(model, measure, cancelled) };
    },
    owner,
  );
}
