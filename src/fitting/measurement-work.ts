/** The work of calibrations and sweeps that are jobs, under the limits of the key that asked. */
import type { QueueJob, StatusLog, Task } from '../common/job-task.js';
import { type ConceptLibrary, withConcepts } from '../concepts/concept-lookup.js';
import type { ConceptMaker } from '../concepts/concept-quota.js';
import { whenThere } from '../jobs/patience.js';
import { keepLoaded } from '../models/model.js';
import type { ModelRegistry } from '../models/registry.js';
import type { CalibrationJob, SweepJob } from '../schemas/measurement-jobs.js';
import type { CalibrationJobRequest, SweepRequest } from '../schemas/measurements.js';
import { calibrateStored } from './measure/calibrate-stored.js';
import { conceptWarnings } from './measure/calibration-warnings.js';
import { sweep } from './measure/sweep.js';

export interface MeasuringServices {
  readonly models: Pick<ModelRegistry, 'get'>;
  readonly concepts: ConceptLibrary;
}

/** Who asks, and what that key may do. */
export interface Asker {
  /** A key's id; null without keys. */
  readonly owner: string | null;
  /** Whose a concept is that is stored. */
  readonly maker?: ConceptMaker | undefined;
  readonly maxStrength?: number | undefined;
}

/** What a job is made of, as it may be kept. */
export interface Asked<Request> extends Omit<Asker, 'owner'> {
  readonly request: Request;
}

/** What of a job's task its work needs. */
export type MeasuringTask = Pick<Task<QueueJob, unknown, StatusLog<never>>, 'signal' | 'confirm'>;

type OnProgress = (stage: string, done: number, total: number) => void;

const limited = (
  concepts: ConceptLibrary,
  { maker, maxStrength }: Asked<unknown>,
  task: MeasuringTask,
): ConceptLibrary =>
  withConcepts(concepts, {
    put: (concept, signal, _, replaces) => {
      const store = async () => {
        // Whoever lost the job in silence leaves what came after it alone.
        await task.confirm();
        return concepts.put(concept, signal, maker, replaces);
      };
      // The measurement took minutes: a database that is away for one does not undo it.
      return whenThere(store, signal ?? new AbortController().signal);
    },
    ...(maxStrength !== undefined && { maxStrength }),
  });

export async function workOnCalibration(
  { models, concepts }: MeasuringServices,
  asked: Asked<CalibrationJobRequest>,
  model: string,
  task: MeasuringTask,
  onProgress: OnProgress,
): Promise<Partial<CalibrationJob>> {
  const { signal } = task;
  const { concept: name, ...request } = asked.request;
  const library = limited(concepts, asked, task);
  const { concept } = await calibrateStored(name, { ...request, model }, models, library, signal, onProgress);
  return {
    concept: { name: concept.name, version: concept.version },
    warnings: [...conceptWarnings(concept)],
  };
}

export async function workOnSweep(
  { models, concepts }: MeasuringServices,
  asked: Asked<SweepRequest>,
  id: string,
  task: MeasuringTask,
  onProgress: OnProgress,
): Promise<Partial<SweepJob>> {
  const { signal } = task;
  const model = await models.get(id, signal);
  const measure = () => sweep(asked.request, model, limited(concepts, asked, task), signal, onProgress);
  return { result: await keepLoaded(model, measure, signal) };
}
