/** A loaded model: an engine with the text side that turns its token ids into words. */
import type { Engine, EngineLoad } from '../engine/engine.js';
import type { ChatTemplate } from '../text/chat-template.js';
import type { SamplingDefaults } from '../text/generation-config.js';
import type { Tokenizer } from '../text/tokenizer.js';

export interface LoadedModel {
  /** Name of its folder under the models directory. */
  readonly id: string;
  readonly directory: string;
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  /** Null for a model without one: only text completions then. */
  readonly chatTemplate: ChatTemplate | null;
  /** Ids that end an answer: eos tokens of generation_config.json, genai_config.json, config.json. */
  readonly stopTokens: readonly number[];
  /** Of generation_config.json, for requests that do not say; none when left out. */
  readonly samplingDefaults?: SamplingDefaults;
  /** Tokens of an answer to a request that does not say; 0 or left out for what the context has room for. */
  readonly answerTokens?: number;
  /** Unix seconds when it was loaded. */
  readonly created: number;
  /**
   * Where models come and go: keeps it in memory until the function that comes back is called. Its engine alone keeps
   * it only while it works.
   */
  readonly hold?: (signal?: AbortSignal) => Promise<() => void>;
}

/** Keeps the model in memory while `work` runs: what asks the engine many times should not load it as often. */
export async function keepLoaded<T>(
  { hold }: Pick<LoadedModel, 'hold'>,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const release = await hold?.(signal);
  try {
    return await work();
  } finally {
    release?.();
  }
}

/** How busy several models are together. */
export function loadOf(models: readonly Pick<LoadedModel, 'engine'>[]): EngineLoad & { slots: number } {
  const sum = { running: 0, waiting: 0, slots: 0 };
  for (const { engine } of models) {
    const { running, waiting } = engine.load();
    sum.running += running;
    sum.waiting += waiting;
    sum.slots += engine.shape.slots;
  }
  return sum;
}
