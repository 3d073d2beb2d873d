/** The services with every sequence and every concept that is used counted in the metrics. */
import { withConcepts } from '../concepts/concept-lookup.js';
import { type Engine, withEngine } from '../engine/engine.js';
import type { SequenceRequest, SequenceStep } from '../engine/protocol.js';
import { SteerdError } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { withModels } from '../models/registry.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Services } from './services.js';

export function observeServices(services: Services, metrics: Metrics): Services {
  const { models, concepts } = services;
  /** Concept names by their vectors: requests look concepts up by name, but an edit holds vectors only. */
  const names = new WeakMap<Float32Array, string>();
  const observed = new WeakMap<LoadedModel, LoadedModel>();

  const counted = (model: string): Counted => ({
    model,
    metrics,
    nameOf: (vectors: Float32Array) => names.get(vectors) ?? 'inline',
  });
  const observe = (model: LoadedModel): LoadedModel => {
    const known = observed.get(model);
    if (known !== undefined) return known;
    const { engine } = model;
    const wrapped = {
      ...model,
      engine: withEngine(engine, {
        generate: (request, signal) => observedSteps(engine, request, signal, counted(model.id)),
      }),
    };
    observed.set(model, wrapped);
    return wrapped;
  };
  return {
    ...services,
    models: withModels(models, observe),
    concepts: withConcepts(concepts, {
      async load(model, name) {
        const stored = await concepts.load(model, name);
        if (stored !== undefined) names.set(stored.concept.vectors, stored.concept.name);
        return stored;
      },
    }),
  };
}

interface Counted {
  readonly model: string;
  readonly metrics: Metrics;
  /** The label of a concept's vectors. */
  readonly nameOf: (vectors: Float32Array) => string;
}

async function* observedSteps(
  engine: Engine,
  request: SequenceRequest,
  signal: AbortSignal | undefined,
  { model, metrics, nameOf }: Counted,
): AsyncGenerator<SequenceStep> {
  const labels = { model_name: model, steered: String(request.edit.length > 0) };
  const arrived = performance.now();
  const since = (then: number, now: number) => (now - then) / 1000;
  let last: number | null = null;
  let cached = 0;
  let ended = 'left';
  const finish = (reason: string) => {
    metrics.endToEnd.observe(labels, since(arrived, performance.now()));
    metrics.success.inc({ finish_reason: reason, ...labels });
  };
  try {
    for await (const step of engine.generate(request, signal)) {
      const now = performance.now();
      if (last === null) {
        metrics.firstToken.observe(labels, since(arrived, now));
        if (step.timing !== undefined) {
          metrics.queueTime.observe(labels, step.timing.queued / 1000);
          metrics.prefillTime.observe(labels, step.timing.prefill / 1000);
          metrics.reusedTokens.inc(labels, step.timing.cached);
        }
        metrics.promptTokens.inc(labels, request.prompt.length);
        for (const { vectors } of request.edit) metrics.countSteered(nameOf(vectors));
        cached = request.prompt.length;
        metrics.cachedTokens += cached;
      } else metrics.interToken.observe(labels, since(last, now));
      last = now;
      if (step.draft !== undefined) {
        metrics.draftTokens.inc(labels, step.draft.guessed);
        metrics.acceptedTokens.inc(labels, step.draft.right);
      }
      if (step.token !== null) {
        metrics.generationTokens.inc(labels);
        cached++;
        metrics.cachedTokens++;
      }
      if (step.finish !== null) {
        ended = 'finished';
        finish(step.finish);
      }
      yield step;
    }
  } catch (error) {
    ended = codeOf(error);
    throw error;
  } finally {
    metrics.cachedTokens -= cached;
    // The reader left without an abort: it found a stop string.
    if (ended === 'left' && signal?.aborted !== true) finish('stop');
    else if (ended === 'left') metrics.aborted.inc({ reason: codeOf(signal?.reason), ...labels });
    else if (ended !== 'finished') metrics.aborted.inc({ reason: ended, ...labels });
  }
}

/** A label, so its values must be few. A destroyed stream aborts with an AbortError: the client left. */
function codeOf(error: unknown): string {
  if (error instanceof SteerdError) return error.code;
  return error instanceof Error && error.name === 'AbortError' ? 'client_gone' : 'internal_error';
}
