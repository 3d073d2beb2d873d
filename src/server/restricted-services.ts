/** The services as one caller may use them: concepts of the key's list only, strengths under its cap, tokens counted. */
import type { Caller } from '../access/access-control.js';
import type { ApiKey } from '../access/api-key.js';
import type { KeyUsage } from '../access/key-usage.js';
import { allows } from '../access/scopes.js';
import { type ConceptLibrary, withConcepts } from '../concepts/concept-lookup.js';
import { withEngine } from '../engine/engine.js';
import type { PairsRequest, SequenceRequest, SequenceStep } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { withModels } from '../models/registry.js';
import type { CallerServices } from './services.js';

/** @param caller null for anonymous use, which has the services as they are */
export function restrictServices(services: CallerServices, caller: Caller | null): CallerServices {
  if (caller === null) return services;
  const { key } = caller;
  return {
    models: withModels(services.models, (model) => metered(model, caller)),
    concepts: restrictConcepts(services.concepts, key),
    fits: restrictFits(services.fits, key),
    pulls: restrictPulls(services.pulls, key),
  };
}

/** @throws SteerdError concept_not_allowed */
function checkConcept(name: string, allowed: readonly string[], param: string): void {
  if (!allowed.includes(name)) throw errors.conceptNotAllowed(name, allowed, param);
}

function restrictConcepts(
  concepts: ConceptLibrary,
  { concepts: allowed, max_strength: cap }: ApiKey,
): ConceptLibrary {
  return withConcepts(concepts, {
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
    ...(allowed !== null && onlyListed(concepts, allowed)),
  });
}

function onlyListed(concepts: ConceptLibrary, allowed: readonly string[]): Partial<ConceptLibrary> {
  const isAllowed = (name: string) => allowed.includes(name);
  return {
    get(model, name) {
      checkConcept(name, allowed, 'concept');
      return concepts.get(model, name);
    },
    list: (model) => concepts.list(model).filter(({ concept }) => isAllowed(concept.name)),
    names: (model) => concepts.names(model).filter(isAllowed),
    modelsWith: (name) => (isAllowed(name) ? concepts.modelsWith(name) : []),
    async put(concept, signal) {
      checkConcept(concept.name, allowed, 'name');
      return concepts.put(concept, signal);
    },
    async delete(model, name) {
      checkConcept(name, allowed, 'name');
      return concepts.delete(model, name);
    },
  };
}

/** A fit of a concept that the key may not use does not exist for it: its name and prefix tell of that concept. */
function restrictFits(fits: CallerServices['fits'], { concepts: allowed }: ApiKey): CallerServices['fits'] {
  if (allowed === null) return fits;
  const isVisible = (job: { readonly name: string } | undefined) =>
    job !== undefined && allowed.includes(job.name);
  return {
    async create(request, signal) {
      checkConcept(request.name, allowed, 'name');
      return fits.create(request, signal);
    },
    get(id) {
      const job = fits.get(id);
      return isVisible(job) ? job : undefined;
    },
    list: () => fits.list().filter(isVisible),
    async cancel(id) {
      if (!isVisible(fits.get(id))) throw errors.fitNotFound(id);
      return fits.cancel(id);
    },
    events: (id) => (isVisible(fits.get(id)) ? fits.events(id) : undefined),
  };
}

/** Only admins pull: a pull fills the disk and brings what everybody may then run. */
function restrictPulls(pulls: CallerServices['pulls'], { id, scopes }: ApiKey): CallerServices['pulls'] {
  if (allows(scopes, 'admin')) return pulls;
  const refuse = () => {
    throw errors.scopeTooSmall(id, 'admin', scopes);
  };
  return {
    get: (pull) => pulls.get(pull),
    list: () => pulls.list(),
    events: (pull) => pulls.events(pull),
    create: refuse,
    cancel: async () => refuse(),
  };
}

/**
 * The model with every token of its answers counted, and beginnings of prompts kept apart from those of other keys.
 * Background work counts against nobody's limit.
 */
function metered(model: LoadedModel, { key, usage }: Caller): LoadedModel {
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
        return request.priority === 'interactive' ? countTokens(steps, request, usage) : steps;
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
