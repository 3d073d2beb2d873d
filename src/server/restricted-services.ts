/**
 * The services as the caller may use them: concepts of the key's list only, strengths under its cap, tokens counted.
 * Without a caller (anonymous use, fits under way) they are what they were.
 */

import { currentCaller } from '../access/caller.js';
import type { KeyUsage } from '../access/key-usage.js';
import { allows } from '../access/scopes.js';
import type { Engine } from '../engine/engine.js';
import type { SequenceRequest, SequenceStep } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { withModels } from '../models/serve/registry.js';
import type { Services } from './services.js';

export function restrictServices(services: Services): Services {
  return {
    ...services,
    models: restrictModels(services.models),
    concepts: restrictConcepts(services.concepts),
    fits: restrictFits(services.fits),
    pulls: restrictPulls(services.pulls),
  };
}

function checkConcept(name: string, param: string): void {
  const allowed = currentCaller()?.key.concepts;
  if (allowed && !allowed.includes(name)) throw errors.conceptNotAllowed(name, allowed, param);
}

function restrictConcepts(concepts: Services['concepts']): Services['concepts'] {
  const mayUse = (name: string) => currentCaller()?.key.concepts?.includes(name) ?? true;
  return {
    get maxStrength() {
      return currentCaller()?.key.max_strength ?? undefined;
    },
    /** Nobody can say what vectors of a request stand for, or how strong they are. */
    checkInline(param, use) {
      const key = currentCaller()?.key;
      if (key?.concepts) throw errors.inlineVectorsNotAllowed(param, 'is limited to concepts by name');
      if (use === 'steering' && typeof key?.max_strength === 'number') {
        throw errors.inlineVectorsNotAllowed(
          param,
          `has a cap of ${key.max_strength} on calibrated strength, and vectors of a request have no calibration`,
        );
      }
    },
    get(model, name) {
      checkConcept(name, 'concept');
      return concepts.get(model, name);
    },
    list: (model) => concepts.list(model).filter(({ concept }) => mayUse(concept.name)),
    names: (model) => concepts.names(model).filter(mayUse),
    modelsWith: (name) => (mayUse(name) ? concepts.modelsWith(name) : []),
    async put(concept, signal) {
      checkConcept(concept.name, 'name');
      return concepts.put(concept, signal);
    },
    async delete(model, name) {
      checkConcept(name, 'name');
      return concepts.delete(model, name);
    },
  };
}

/** A fit of a concept that the key may not use does not exist for it: its name and prefix tell of that concept. */
function restrictFits(fits: Services['fits']): Services['fits'] {
  const visible = (job: { readonly name: string } | undefined) =>
    job !== undefined && (currentCaller()?.key.concepts?.includes(job.name) ?? true);
  return {
    async create(request, signal) {
      checkConcept(request.name, 'name');
      return fits.create(request, signal);
    },
    get(id) {
      const job = fits.get(id);
      return visible(job) ? job : undefined;
    },
    list: () => fits.list().filter(visible),
    async cancel(id) {
      if (!visible(fits.get(id))) throw errors.fitNotFound(id);
      return fits.cancel(id);
    },
    events: (id) => (visible(fits.get(id)) ? fits.events(id) : undefined),
  };
}

/** A pull fills the disk and brings what everybody may then run. */
function restrictPulls(pulls: Services['pulls']): Services['pulls'] {
  const checkAdmin = () => {
    const key = currentCaller()?.key;
    if (key !== undefined && !allows(key.scopes, 'admin')) {
      throw errors.scopeTooSmall(key.id, 'admin', key.scopes);
    }
  };
  return {
    create(request) {
      checkAdmin();
      return pulls.create(request);
    },
    async cancel(id) {
      checkAdmin();
      return pulls.cancel(id);
    },
    get: (id) => pulls.get(id),
    list: () => pulls.list(),
    events: (id) => pulls.events(id),
  };
}

function restrictModels(models: Services['models']): Services['models'] {
  return withModels(models, (model) => {
    const usage = currentCaller()?.usage;
    return usage === undefined ? model : metered(model, usage);
  });
}

/** The model with every token of its answers counted. Jobs in the background belong to nobody's minute. */
function metered(model: LoadedModel, usage: KeyUsage): LoadedModel {
  const { engine } = model;
  const counted: Engine = {
    shape: engine.shape,
    generate: (request, signal) =>
      request.priority === 'interactive'
        ? countTokens(engine.generate(request, signal), request, usage)
        : engine.generate(request, signal),
    capture: (request, signal) => engine.capture(request, signal),
    score(request, signal) {
      if (request.priority === 'interactive') usage.spendTokens(request.tokens.length);
      return engine.score(request, signal);
    },
    project(request, signal) {
      if (request.priority === 'interactive') usage.spendTokens(request.tokens.length);
      return engine.project(request, signal);
    },
    load: () => engine.load(),
    close: () => engine.close(),
  };
  return { ...model, engine: counted };
}

async function* countTokens(
  steps: AsyncIterable<SequenceStep>,
  { prompt }: SequenceRequest,
  usage: KeyUsage,
): AsyncGenerator<SequenceStep> {
  let read = false;
  for await (const step of steps) {
    // The prompt counts once the engine took it: a full queue costs nothing.
    if (!read) usage.spendTokens(prompt.length);
    read = true;
    if (step.token !== null) usage.spendTokens(1);
    yield step;
  }
}
