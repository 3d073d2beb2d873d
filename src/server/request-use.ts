/** What one request used: the model, tokens, and what steered. For its span and its last line in the log. */
import { withConcepts } from '../concepts/concept-lookup.js';
import { withEngine } from '../engine/engine.js';
import type { SequenceRequest, SequenceStep } from '../engine/protocol.js';
import type { LoadedModel } from '../models/model.js';
import { withModels } from '../models/registry.js';
import type { CallerServices } from './services.js';

/** However many items a request has, so many are told. */
const mostConcepts = 16;

export class RequestUse {
  /** The model that computed; null while none did. */
  model: string | null = null;
  outputTokens = 0;
  /** Strengths as asked, by concept; `inline` for vectors of the request. */
  readonly steering = new Map<string, number>();
  readonly #prompts = new Map<readonly number[], number>();

  /** Each prompt counted once, however many choices it has. */
  get promptTokens(): number {
    return [...this.#prompts.values()].reduce((sum, tokens) => sum + tokens, 0);
  }

  began(model: string, { prompt }: SequenceRequest): void {
    this.model = model;
    this.#prompts.set(prompt, prompt.length);
  }

  steers(concept: string, strength: number): void {
    if (this.steering.size < mostConcepts) this.steering.set(concept, strength);
  }
}

/** The services with what they are used for noted in `use`. */
export function noteUse(services: CallerServices, use: RequestUse): CallerServices {
  const noted = (model: LoadedModel): LoadedModel => ({
    ...model,
    engine: withEngine(model.engine, {
      generate: (request, signal) => {
        if (request.priority !== 'interactive') return model.engine.generate(request, signal);
        use.began(model.id, request);
        return countTokens(model.engine.generate(request, signal), use);
      },
    }),
  });
  return {
    ...services,
    models: withModels(services.models, noted),
    concepts: withConcepts(services.concepts, {
      steered: (receipts) => {
        for (const { concept, strength } of receipts) use.steers(concept ?? 'inline', strength);
      },
    }),
  };
}

async function* countTokens(
  steps: AsyncIterable<SequenceStep>,
  use: RequestUse,
): AsyncGenerator<SequenceStep> {
  for await (const step of steps) {
    if (step.token !== null) use.outputTokens++;
    yield step;
  }
}
