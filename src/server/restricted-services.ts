/** The services as one caller may use them: models and concepts of the key's lists only, strengths under its cap, tokens counted. */
import type { Caller } from '../access/access-control.js';
import type { ApiKey } from '../access/api-key.js';
import { ManagedKeys } from '../access/managed-keys.js';
import { allows } from '../access/scopes.js';
import type { Usage } from '../access/usage.js';
import { ResponseStore } from '../completions/response-store.js';
import { type ConceptLibrary, withConcepts } from '../concepts/concept-lookup.js';
import { readPin } from '../concepts/pinned-name.js';
import { withEngine } from '../engine/engine.js';
import type { PairsRequest, SequenceRequest, SequenceStep } from '../engine/protocol.js';
import { errors } from '../errors.js';
import { fitOf } from '../fitting/fit-progress.js';
import type { Jobs } from '../jobs/jobs.js';
import type { LoadedModel } from '../models/model.js';
import { type ModelRegistry, withModels } from '../models/registry.js';
import type { FitJob } from '../schemas/fit-jobs.js';
import type { KeyCount, Metrics } from '../telemetry/metrics.js';
import type { CallerServices, Services } from './services.js';

/** @param caller null for anonymous use, which has the services as they are */
export function restrictServices(
  services: Services,
  caller: Caller | null,
  metrics: Pick<Metrics, 'countKey'> = { countKey: () => {} },
): CallerServices {
  const kept = services.responses ?? new ResponseStore(0);
  const responses = kept.of(caller?.key.id ?? '');
  const keys = new ManagedKeys(services.access, caller?.key.id ?? null);
  if (caller === null) {
    const { models, fits, pulls, imports } = services;
    return { models, concepts: withFits(services.concepts, fits), fits, pulls, imports, responses, keys };
  }
  const { key } = caller;
  const models = restrictModels(
    withModels(services.models, (model) => metered(model, caller, counterOf(key, metrics))),
    key,
  );
  const fits = restrictFits(services.fits, key, models);
  return {
    models,
    concepts: withFits(restrictConcepts(ofModels(services.concepts, key), key), fits),
    fits,
    pulls: restrictJobs(services.pulls, key),
    imports: restrictImports(services.imports, key),
    responses,
    keys,
  };
}

/** A concept that is not there yet may be on its way. */
const withFits = (
  concepts: ConceptLibrary,
  fits: Pick<CallerServices['fits'], 'unfinished'>,
): ConceptLibrary => withConcepts(concepts, { fitting: (model, name) => fitOf(fits, model, name) });

/** @throws SteerdError concept_not_allowed */
function checkConcept(name: string, allowed: readonly string[], param: string): void {
  if (!allowed.includes(name)) throw errors.conceptNotAllowed(name, allowed, param);
}

/** A model that the key may not use does not exist for it; a request that names none means the first that it may. */
function restrictModels(models: ModelRegistry, { models: allowed }: ApiKey): ModelRegistry {
  if (allowed === null) return models;
  const ids = () => models.ids().filter((id) => allowed.includes(id));
  const defaultId = () =>
    allowed.includes(models.defaultId) ? models.defaultId : (ids()[0] ?? models.defaultId);
  const check = (id: string) => {
    if (!allowed.includes(id)) throw errors.modelNotFound(id, ids());
  };
  return {
    ...withModels(models, (model) => model),
    get defaultId() {
      return defaultId();
    },
    ids,
    elsewhere: (name) =>
      allowed.some((id) => name === id || name.startsWith(`${id}@`)) && (models.elsewhere?.(name) ?? false),
    async get(id = defaultId(), signal) {
      check(id);
      return models.get(id, signal);
    },
    loaded: () => models.loaded().filter(({ model }) => allowed.includes(model.id)),
    list: async () => (await models.list()).filter(({ id }) => allowed.includes(id)),
    async status(id) {
      check(id);
      return models.status(id);
    },
    async unload(id, force) {
      check(id);
      return models.unload(id, force);
    },
  };
}

/** The concepts of the models that the key may use. */
function ofModels(concepts: ConceptLibrary, { models: allowed }: ApiKey): ConceptLibrary {
  if (allowed === null) return concepts;
  return withConcepts(concepts, {
    list: (model) => concepts.list(model).filter((entry) => allowed.includes(entry.model)),
    modelsWith: (name) => concepts.modelsWith(name).filter((model) => allowed.includes(model)),
  });
}

function restrictConcepts(
  concepts: ConceptLibrary,
  { id, max_concepts: most, concepts: allowed, max_strength: cap }: ApiKey,
): ConceptLibrary {
  const owned = withConcepts(concepts, {
    put: (concept, signal, _, replaces) => concepts.put(concept, signal, { key: id, most }, replaces),
  });
  return withConcepts(owned, {
    ...(cap !== null && { maxStrength: cap }),
    /** Vectors of a request have neither a name for the list nor a calibration for the cap. */
    checkInline(param, use) {
      if (allowed !== null) throw errors.inlineVectorsNotAllowed(param, 'is limited to concepts by name');
      if (use === 'steering' && cap !== null) {
        throw errors.inlineVectorsNotAllowed(
          param,
          `has a cap of ${cap} on calibrated strength, and vectors of a request have no calibration`,
        );
      }
    },
    ...(allowed !== null && onlyListed(owned, allowed)),
  });
}

function onlyListed(concepts: ConceptLibrary, allowed: readonly string[]): Partial<ConceptLibrary> {
  const isAllowed = (name: string) => allowed.includes(name);
  return {
    find: (model, name) => (isAllowed(name) ? concepts.find(model, name) : undefined),
    async load(model, name) {
      // Whoever may use a name may use every version of it; a list may also have one version alone.
      if (!isAllowed(name)) checkConcept(readPin(name).name, allowed, 'concept');
      return concepts.load(model, name);
    },
    async versions(model, name) {
      checkConcept(name, allowed, 'name');
      return concepts.versions(model, name);
    },
    list: (model) => concepts.list(model).filter(({ name }) => isAllowed(name)),
    names: (model) => concepts.names(model).filter(isAllowed),
    modelsWith: (name) => (isAllowed(name) ? concepts.modelsWith(name) : []),
    async put(concept, ...change) {
      checkConcept(concept.name, allowed, 'name');
      return concepts.put(concept, ...change);
    },
    async delete(model, name, ...change) {
      checkConcept(name, allowed, 'name');
      return concepts.delete(model, name, ...change);
    },
    async rename(model, name, to) {
      for (const one of [name, to]) checkConcept(one, allowed, 'name');
      return concepts.rename(model, name, to);
    },
    async restore(model, name) {
      checkConcept(name, allowed, 'name');
      return concepts.restore(model, name);
    },
  };
}

/** A fit of a concept or model that the key may not use does not exist for it: its name and prefix tell of that concept. */
function restrictFits(
  fits: CallerServices['fits'],
  { id, max_concepts: most, concepts, models }: ApiKey,
  { defaultId, ids }: Pick<ModelRegistry, 'defaultId' | 'ids'>,
): CallerServices['fits'] {
  const maker = { key: id, most };
  if (concepts === null && models === null) {
    return {
      create: (request, signal) => fits.create(request, signal, maker),
      get: (job) => fits.get(job),
      list: () => fits.list(),
      cancel: (job) => fits.cancel(job),
      events: (job) => fits.events(job),
      unfinished: () => fits.unfinished(),
    };
  }
  const isVisible = (job: FitJob | undefined) =>
    job !== undefined &&
    (concepts === null || concepts.includes(job.name)) &&
    (models === null || models.includes(job.model));
  return {
    async create(request, signal) {
      if (concepts !== null) checkConcept(request.name, concepts, 'name');
      const { model = defaultId } = request;
      if (models !== null && !models.includes(model)) throw errors.modelNotFound(model, ids());
      return fits.create({ ...request, model }, signal, maker);
    },
    async get(id) {
      const job = await fits.get(id);
      return isVisible(job) ? job : undefined;
    },
    list: async () => (await fits.list()).filter(isVisible),
    async cancel(id) {
      if (!isVisible(await fits.get(id))) throw errors.fitNotFound(id);
      return fits.cancel(id);
    },
    events: async (id) => (isVisible(await fits.get(id)) ? fits.events(id) : undefined),
    unfinished: () => fits.unfinished().filter(isVisible),
  };
}

interface ModelJobs<Request, Job, Event> extends Jobs<Job, Event> {
  create(request: Request): Promise<Job>;
}

/** Only admins pull and import: both fill the disk and bring what everybody may then run. */
function restrictJobs<Request, Job, Event>(
  jobs: ModelJobs<Request, Job, Event>,
  { id, scopes }: ApiKey,
): ModelJobs<Request, Job, Event> {
  if (allows(scopes, 'admin')) return jobs;
  const refuse = () => {
    throw errors.scopeTooSmall(id, 'admin', scopes);
  };
  return {
    get: (job) => jobs.get(job),
    list: () => jobs.list(),
    events: (job) => jobs.events(job),
    create: async () => refuse(),
    cancel: async () => refuse(),
  };
}

function restrictImports(imports: CallerServices['imports'], key: ApiKey): CallerServices['imports'] {
  if (allows(key.scopes, 'admin')) return imports;
  const restricted = restrictJobs(imports, key);
  const upload = async () => {
    throw errors.scopeTooSmall(key.id, 'admin', key.scopes);
  };
  return { ...restricted, upload };
}

type KeyCounter = (model: string, request: SequenceRequest, what: KeyCount, amount: number) => void;

const counterOf =
  (key: ApiKey, metrics: Pick<Metrics, 'countKey'>): KeyCounter =>
  (model, { edit }, what, amount) =>
    metrics.countKey(what, { key: key.id, keyName: key.name, model, steered: edit.length > 0 }, amount);

/**
 * The model with every token of its answers counted, and beginnings of prompts kept apart from those of other keys.
 * Background work counts against nobody's limit.
 */
function metered(model: LoadedModel, { key, usage }: Caller, count: KeyCounter): LoadedModel {
  const { engine } = model;
  /** Every pair counts as a text of its own, read `times` times. */
  const spendPairs = ({ prompts, answers, pairs, priority }: PairsRequest, times: number) => {
    if (priority !== 'interactive') return;
    for (const [prompt, answer] of pairs)
      usage.spendTokens(times * ((prompts[prompt]?.length ?? 0) + (answers[answer]?.length ?? 0)));
  };
  return {
    ...model,
    engine: withEngine(engine, {
      generate(request, signal) {
        const steps = engine.generate({ ...request, space: key.id }, signal);
        if (request.priority !== 'interactive') return steps;
        return countTokens(steps, request, usage, (what, amount) => count(model.id, request, what, amount));
      },
      // Asked for by embeddings alone: fits have the model itself.
      capture(request, signal) {
        usage.spendTokens(request.tokens.length);
        return engine.capture(request, signal);
      },
      score(request, signal) {
        if (request.priority === 'interactive') usage.spendTokens(request.tokens.length);
        return engine.score(request, signal);
      },
      scoreMany(request, signal) {
        spendPairs(request, 1);
        return engine.scoreMany(request, signal);
      },
      divergenceMany(request, signal) {
        spendPairs(request, 2);
        return engine.divergenceMany(request, signal);
      },
      project(request, signal) {
        if (request.priority === 'interactive') usage.spendTokens(request.tokens.length);
        return engine.project(request, signal);
      },
    }),
  };
}

async function* countTokens(
  steps: AsyncIterable<SequenceStep>,
  { prompt }: SequenceRequest,
  usage: Pick<Usage, 'spendTokens'>,
  count: (what: KeyCount, amount: number) => void,
): AsyncGenerator<SequenceStep> {
  let read = false;
  for await (const step of steps) {
    // The prompt counts once the engine took it: a full queue costs nothing.
    if (!read) {
      usage.spendTokens(prompt.length);
      count('answers', 1);
      count('prompt_tokens', prompt.length);
    }
    read = true;
    if (step.token !== null) {
      usage.spendTokens(1);
      count('generation_tokens', 1);
    }
    yield step;
  }
}
