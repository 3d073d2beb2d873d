/** The real services, from the settings: the concepts on disk, the model in its worker, the fits. */
import { join } from 'node:path';
import { AccessControl } from '../access/access-control.js';
import { isLoopback } from '../access/loopback.js';
import { BenchmarkJobs } from '../benchmark/benchmark-jobs.js';
import { ResponseStore } from '../completions/response-store.js';
import type { RefusedFile } from '../concepts/concept-folder.js';
import { ConceptStore } from '../concepts/concept-store.js';
import { ConfigError, type Settings } from '../config.js';
import { FitJobs } from '../fitting/fit-jobs.js';
import { MeasurementJobs } from '../fitting/measurement-jobs.js';
import { openHub } from '../hub/open-hub.js';
import type { JobKind } from '../jobs/jobs.js';
import { folderOfModel, modelPlaces, ownPlace } from '../models/disk/model-places.js';
import { graphBuilder } from '../models/import/graph-builder.js';
import { ImportJobs } from '../models/import/import-jobs.js';
import { PullJobs } from '../models/pull/pull-jobs.js';
import { WorkerModelRegistry } from '../models/serve/worker-registry.js';
import { Metrics } from '../telemetry/metrics.js';
import { lockDataDirectory } from './data-lock.js';
import { openFleet } from './open-fleet.js';
import { openRunKeeping } from './open-jobs.js';
import type { Shared } from './open-shared.js';
import type { OpenedServices, ServerLog } from './server.js';

interface OpenOptions {
  readonly locks?: boolean;
  readonly serves?: boolean;
}

/**
 * Keys and concepts are read before this returns; the model goes on loading.
 * @param locks whether the data directory is this process's alone; one that only reads there need not have it
 * @param serves whether others send it requests; a worker only takes jobs
 * @throws ConfigError when anybody on the network could use the server and nobody said so, or when another
 * server has the data directory; KeysFileError
 */
export async function openServices(
  settings: Settings,
  log: ServerLog,
  { locks = true, serves = true }: OpenOptions = {},
): Promise<OpenedServices> {
  const { dataDirectory, databaseUrl } = settings;
  // Nothing of a database is loaded where none is named.
  const shared =
    databaseUrl === '' ? undefined : await (await import('./open-shared.js')).openShared(settings, log);
  try {
    const access = shared?.access ?? (await AccessControl.open(dataDirectory, log, settings.apiKey));
    return await openWith(settings, log, { access, shared, locks, serves });
  } catch (error) {
    await shared?.close();
    throw error;
  }
}

interface OpenWith {
  readonly access: AccessControl;
  /** What is shared with other servers; undefined for a server alone. */
  readonly shared: Shared | undefined;
  readonly locks: boolean;
  readonly serves: boolean;
}

async function openWith(
  settings: Settings,
  log: ServerLog,
  { access, shared, locks, serves }: OpenWith,
): Promise<OpenedServices> {
  if (!access.keys.needed && !settings.allowAnonymous && !isLoopback(settings.host)) {
    throw new ConfigError(
      `STEERD_HOST (HOST) must be a loopback address while there are no API keys; received "${settings.host}". Make a key with "steerd keys add", set STEERD_API_KEY, or say --allow-anonymous (STEERD_ALLOW_ANONYMOUS=true).`,
    );
  }
  const unlock = locks ? await lockDataDirectory(settings.dataDirectory, log) : async () => {};
  try {
    const parts = await openParts(settings, access, log, { shared, locks, serves });
    return { ...parts, unlock };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function openParts(
  settings: Settings,
  access: AccessControl,
  log: ServerLog,
  { shared, locks, serves }: Omit<OpenWith, 'access'>,
): Promise<OpenedServices> {
  const { dataDirectory, modelsDirectory, model } = settings;
  const quota = { concepts: settings.maxConcepts, bytes: settings.maxConceptBytes };
  const concepts = shared?.concepts ?? (await ConceptStore.open({ dataDirectory, shipped: [], quota }));
  await concepts.addShipped(join(await folderOfModel(modelsDirectory, model), 'concepts'));
  const tellRefused = (refused: readonly RefusedFile[]) => {
    for (const { file, name, reason } of refused)
      log.error({ file, concept: name, reason }, 'concept file refused');
  };
  tellRefused(concepts.refused);
  const metrics = new Metrics({ process: true });
  const registry = WorkerModelRegistry.start({
    ...settings,
    log,
    // Concepts that cannot be read must not keep the model from being found.
    onFound: async (directory) => {
      const folder = join(directory, 'concepts');
      await concepts.addShipped(folder).then(tellRefused, (error: Error) => {
        log.error({ folder, reason: error.message }, 'concepts not read');
      });
    },
    onLoaded: (_, seconds) => metrics.modelLoad.observe(seconds),
    onUnloaded: (id, reason) => metrics.modelUnloads.inc({ model: id, reason }),
  });
  const onStage = (stage: string, seconds: number) => metrics.fitStage.observe({ stage }, seconds);
  const { models, openQueue, close } = await openFleet(settings, registry, log, { shared, locks, serves });
  const onFinished = (kind: JobKind) => (job: { readonly status: string }) =>
    metrics.jobsFinished.inc({ kind, status: job.status });
  const fits = new FitJobs({ models, concepts, log, onStage, openQueue, onFinished: onFinished('fit') });
  const hub = openHub(settings, (reason, seconds) => log.warn({ reason, seconds }, 'pull interrupted'));
  const pulls = new PullJobs({
    ...{ hub, modelsDirectory: ownPlace(modelsDirectory), log },
    builder: graphBuilder,
    openQueue,
    onFinished: onFinished('pull'),
  });
  const imports = new ImportJobs({
    ...{ builder: graphBuilder, places: modelPlaces(modelsDirectory), log },
    ...(settings.uploadLimit > 0 && {
      uploads: { most: settings.uploadLimit * 2 ** 20, seconds: settings.bodySeconds },
    }),
    openQueue,
    onFinished: onFinished('import'),
  });
  const measurements = new MeasurementJobs({
    services: { models, concepts },
    ...{ log, openQueue },
    onFinished: (kind, status) => metrics.jobsFinished.inc({ kind, status }),
  });
  const responses = shared?.responses ?? new ResponseStore(settings.responses);
  const services = { models, concepts, fits, pulls, imports, measurements, access, metrics, responses };
  const benchmarks = new BenchmarkJobs({
    keeping: await openRunKeeping(dataDirectory, shared?.database),
    // Only here: a worker needs no application but for this.
    openApi: async () => (await import('./inner-api.js')).openInnerApi(services, settings, metrics, log),
    ...{ log, openQueue, onFinished: onFinished('benchmark') },
  });
  return {
    ...{ ...services, benchmarks },
    loaded: registry.firstLoad,
    closeShared: close,
  };
}
