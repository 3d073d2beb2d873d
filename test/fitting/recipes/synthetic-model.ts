/**
 * A model whose attention and states are computed, not learned: one token a character, and what a capture gives depends on the
 * layer, the head, the token's place from the end and the text alone. So every number a recipe yields can be said.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Engine } from '../../../src/engine/engine.js';
import type {
  Capture,
  CaptureRequest,
  ScoreRequest,
  SequenceRequest,
  SequenceStep,
} from '../../../src/engine/protocol.js';
import { neutralSentence } from '../../../src/fitting/recipes/attention-sinks.js';
import type { RecipeContext } from '../../../src/fitting/recipes/recipe.js';
import type { LoadedModel } from '../../../src/models/model.js';

export const shape = { layers: 4, heads: 3, hiddenSize: 5 } as const;

/** Where a number is read: `fromEnd` is -1 for a text's last token. */
export interface Place {
  readonly layer: number;
  readonly fromEnd: number;
  readonly text: string;
}

export interface SyntheticOptions {
  /** Attention of one head to the span, whatever it holds. Default: 0.1. */
  readonly attention?: (place: Place & { readonly head: number; readonly span: string }) => number;
  readonly capacity?: number;
  /** Turns that a capture takes, so that they end in another order than they began. */
  readonly turns?: (index: number) => number;
  readonly template?: 'chat' | 'trims' | 'none';
  readonly answer?: (prompt: string) => string;
  /** Where activations are many times as long, from the second layer on, and the same whatever stands there. */
  readonly sinks?: (position: number, text: string) => boolean;
  /** A token before every text, as many tokenizers have one. */
  readonly bos?: boolean;
}

/** One feature: its layer, its place and its text's length can be told from it. */
export const state = ({ layer, fromEnd, text }: Place, h: number) =>
  (layer + 1) * 1000 - fromEnd * 10 + h + text.length / 1024;

/** As a character: white, so that it shows. */
export const bosToken = 0x25a1;

const decode = (tokens: readonly number[]) => String.fromCodePoint(...tokens);

export class SyntheticEngine implements Engine {
  readonly captures: CaptureRequest[] = [];
  inFlight = 0;
  readonly shape;

  constructor(readonly options: SyntheticOptions) {
    const capacity = options.capacity ?? 4096;
    this.shape = { ...shape, vocabularySize: 0x110000, capacity, slots: 8, fingerprint: 'f'.repeat(64) };
  }

  /** What a recipe had read, without the sentence that lengths are measured on. */
  get reads(): CaptureRequest[] {
    return this.captures.filter(({ tokens }) => !decode(tokens).endsWith(neutralSentence));
  }

  async capture(request: CaptureRequest, signal?: AbortSignal): Promise<Capture> {
    const { tokens, positions, span } = request;
    const index = this.captures.push(request) - 1;
    this.inFlight++;
    try {
      for (let turn = this.options.turns?.(index) ?? 1; turn > 0; turn--) await nextTurn();
      signal?.throwIfAborted();
    } finally {
      this.inFlight--;
    }
    const { layers, heads, hiddenSize } = shape;
    const text = decode(tokens);
    const spanText = decode(tokens.slice(...span));
    const hiddenStates: number[] = [];
    const attention: number[] = [];
    for (let layer = 0; layer < layers; layer++) {
      for (const position of positions) {
        const place = { layer, fromEnd: position - tokens.length, text };
        const sink = layer > 0 && this.options.sinks?.(position, text) === true;
        for (let h = 0; h < hiddenSize; h++) hiddenStates.push(sink ? 1e5 : state(place, h));
      }
      for (let head = 0; head < heads; head++) {
        for (const position of positions) {
          const place = { layer, head, fromEnd: position - tokens.length, text, span: spanText };
          attention.push(this.options.attention?.(place) ?? 0.1);
        }
      }
    }
    return {
      hiddenStates: Float32Array.from(hiddenStates),
      attentionToPrefix: Float32Array.from(attention),
    };
  }

  async *generate({ prompt }: SequenceRequest): AsyncGenerator<SequenceStep> {
    for (const character of this.options.answer?.(decode(prompt)) ?? 'Yes, often.')
      yield { token: character.codePointAt(0) as number, finish: null };
    yield { token: null, finish: 'stop' };
  }

  async project(): Promise<Float32Array> {
    throw new Error('not in this fake');
  }

  async score(_: ScoreRequest): Promise<Float32Array> {
    throw new Error('not part of this fake');
  }

  async scoreMany(): Promise<never> {
    throw new Error('not part of this fake');
  }

  async divergenceMany(): Promise<never> {
    throw new Error('not part of this fake');
  }

  load() {
    return { running: this.inFlight, waiting: 0 };
  }

  async close(): Promise<void> {}
}

export function syntheticModel(
  options: SyntheticOptions = {},
): LoadedModel & { readonly engine: SyntheticEngine } {
  const kind = options.template ?? 'chat';
  const render = (
    messages: readonly { role: string; content: string }[],
    { addGenerationPrompt }: { addGenerationPrompt: boolean },
  ) =>
    messages
      .map(({ role, content }) => `<${role}>${kind === 'trims' ? content.trim() : content}</>`)
      .join('') + (addGenerationPrompt ? '<a>' : '');
  return {
    id: 'synthetic',
    directory: '/nowhere',
    engine: new SyntheticEngine(options),
    tokenizer: {
      encode: (text: string, { addSpecialTokens = true } = {}) => [
        ...(options.bos && addSpecialTokens ? [bosToken] : []),
        ...Array.from(text, (character) => character.codePointAt(0) as number),
      ],
      decode,
    } as unknown as LoadedModel['tokenizer'],
    chatTemplate: kind === 'none' ? null : { render },
    stopTokens: [],
    created: 0,
  };
}

export const contextOf = (model: LoadedModel, change: Partial<RecipeContext> = {}): RecipeContext => ({
  model,
  prefix: 'Be glad.',
  labels: 'soft',
  maxTokens: 8,
  seed: 0,
  signal: new AbortController().signal,
  onProgress: () => {},
  ...change,
});
