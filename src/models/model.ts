/** A loaded model: an engine with the text side that turns its token ids into words. */
import type { Engine } from '../engine/engine.js';
import type { ChatTemplate } from '../text/chat-template.js';
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
  /** Unix seconds when it was loaded. */
  readonly created: number;
}
