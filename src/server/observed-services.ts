/** The services with every sequence and every concept used counted. */
import type { Engine } from '../engine/engine.js';
import type { SequenceRequest, SequenceStep } from '../engine/protocol.js';
import { SteerdError } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { withModels } from '../models/serve/registry.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Services } from './services.js';

export class ObservedServices {
  readonly #models = new WeakMap<LoadedModel, LoadedModel>();
  /** Whose vectors an edit uses: concepts are looked up by name, edits know vectors only. */
  readonly #names = new WeakMap<Float32Array, string>();
  #cachedTokens = 0;

  constructor(
    readonly inner: Services,
    readonly metrics: Metrics,
  ) {}

  /** Tokens of sequences that run, prompts included. */
  get cachedTokens(): number {
    return this.#cachedTokens;
  }

  get services(): Services {
    const { models, concepts } = this.inner;
    const observe = (model: LoadedModel) => this.#observe(model);
    const named = (vectors: Float32Array, name: string) => this.#names.set(vectors, name);
    return {
      ...this.inner,
      models: withModels(models, observe),
      concepts: {
        get(model, name) {
          const stored = concepts.get(model, name);
          if (stored !== undefined) named(stored.concept.vectors, name);
          return stored;
        },
        list: (model) => concepts.list(model),
        names: (model) => concepts.names(model),
        modelsWith: (name) => concepts.modelsWith(name),
        put: (concept, signal) => concepts.put(concept, signal),
        delete: (model, name) => concepts.delete(model, name),
      },
    };
  }

  #observe(model: LoadedModel): LoadedModel {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    const { engine } = model;
    const observed: Engine = {
      shape: engine.shape,
      generate: (request, signal) => this.#generate(engine, request, signal),
      capture: (request, signal) => engine.capture(request, signal),
      score: (request, signal) => engine.score(request, signal),
      project: (request, signal) => engine.project(request, signal),
      load: () => engine.load(),
      close: () => engine.close(),
    };
    const wrapped = { ...model, engine: observed };
    this.#models.set(model, wrapped);
    return wrapped;
  }

  async *#generate(
    engine: Engine,
    request: SequenceRequest,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<SequenceStep> {
    const { metrics } = this;
    const arrived = performance.now();
    const since = (then: number, now: number) => (now - then) / 1000;
    let last: number | null = null;
    let cached = 0;
    let ended = 'left';
    const finish = (reason: string) => {
      metrics.endToEnd.observe(since(arrived, performance.now()));
      metrics.success.inc({ finish_reason: reason });
    };
    try {
      for await (const step of engine.generate(request, signal)) {
        const now = performance.now();
        if (last === null) {
          metrics.firstToken.observe(since(arrived, now));
          if (step.timing !== undefined) {
            metrics.queueTime.observe(step.timing.queued / 1000);
            metrics.prefillTime.observe(step.timing.prefill / 1000);
          }
          metrics.promptTokens.inc(request.prompt.length);
          for (const { vectors } of request.edit) metrics.countSteered(this.#names.get(vectors) ?? 'inline');
          cached = request.prompt.length;
          this.#cachedTokens += cached;
        } else metrics.interToken.observe(since(last, now));
        last = now;
        if (step.token !== null) {
          metrics.generationTokens.inc();
          cached++;
          this.#cachedTokens++;
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
      this.#cachedTokens -= cached;
      // Left by a reader that nobody told to stop: a stop string ended the answer.
      if (ended === 'left' && signal?.aborted !== true) finish('stop');
      else if (ended === 'left') metrics.aborted.inc({ reason: codeOf(signal?.reason) });
      else if (ended !== 'finished') metrics.aborted.inc({ reason: ended });
    }
  }
}

/** Few values, for it is a label. A stream that is destroyed aborts without a reason of ours. */
function codeOf(error: unknown): string {
  if (error instanceof SteerdError) return error.code;
  return error instanceof Error && error.name === 'AbortError' ? 'client_gone' : 'internal_error';
}
