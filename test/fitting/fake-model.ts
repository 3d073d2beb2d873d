/**
 * A model small enough to reason about: one token a character, answers that depend on the prompt alone, and
 * hidden states that are noise of (token, layer) plus the concept's direction wherever the text states it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Engine } from '../../src/engine/engine.js';
import type { Capture, CaptureRequest, SequenceRequest, SequenceStep } from '../../src/engine/protocol.js';
import type { LoadedModel } from '../../src/models/model.js';

export const concept = 'You adore the sea.';

export interface FakeOptions {
  readonly layers?: number;
  readonly hiddenSize?: number;
  readonly capacity?: number;
  /** Length of the concept's direction; 0 for a concept without effect. */
  readonly effect?: number;
  readonly template?: 'system' | 'refuses-system' | 'drops-system' | 'none';
  /** Tokens of an answer, by the text of its prompt. */
  readonly answerLength?: (prompt: string, maxTokens: number) => number;
  /** Noise by token and layer; false makes every state at a layer equal but for the concept's direction. */
  readonly noise?: boolean;
  readonly onCapture?: (request: CaptureRequest) => void;
  readonly id?: string;
}

const text = (tokens: readonly number[]) => String.fromCodePoint(...tokens);

/** A small hash of integers, uniform in [-1, 1). */
export function noise(...seeds: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const seed of seeds) {
    hash = Math.imul(hash ^ seed, 0x01000193);
    hash ^= hash >>> 15;
    hash = Math.imul(hash, 0x85ebca6b);
    hash ^= hash >>> 13;
  }
  return (hash >>> 0) / 2 ** 31 - 1;
}

export class FakeEngine implements Engine {
  readonly shape;
  running = 0;
  mostRunning = 0;
  readonly requests: SequenceRequest[] = [];
  readonly captures: CaptureRequest[] = [];

  constructor(readonly options: FakeOptions) {
    this.shape = {
      layers: options.layers ?? 4,
      hiddenSize: options.hiddenSize ?? 16,
      heads: 2,
      vocabularySize: 0x110000,
      capacity: options.capacity ?? 512,
      slots: 8,
      fingerprint: 'f'.repeat(64),
    };
  }

  async *generate(request: SequenceRequest, signal?: AbortSignal): AsyncGenerator<SequenceStep> {
    this.requests.push(request);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    const prompt = text(request.prompt);
    const length = this.options.answerLength?.(prompt, request.maxTokens) ?? request.maxTokens;
    try {
      for (let i = 0; i <= length; i++) {
        // The number of turns differs, so that sequences end in another order than they began.
        for (let turn = 0; turn <= request.prompt.length % 3; turn++) await nextTurn();
        signal?.throwIfAborted();
        if (i === length) return yield { token: null, finish: 'stop' };
        const token = 97 + Math.floor(13 * (1 + noise(i, ...request.prompt)));
        const last = i + 1 === request.maxTokens;
        yield { token, finish: last ? 'length' : null };
        if (last) return;
      }
    } finally {
      this.running--;
    }
  }

  /** The concept's unit vector at one layer. */
  direction(layer: number): Float64Array {
    const raw = Float64Array.from({ length: this.shape.hiddenSize }, (_, h) => noise(7, layer, h));
    const norm = Math.hypot(...raw);
    return raw.map((x) => x / norm);
  }

  async capture(request: CaptureRequest, signal?: AbortSignal): Promise<Capture> {
    this.options.onCapture?.(request);
    await nextTurn();
    signal?.throwIfAborted();
    this.captures.push(request);
    const { layers, hiddenSize } = this.shape;
    const count = request.positions.length;
    const hiddenStates = new Float32Array(layers * count * hiddenSize);
    const strength = text(request.tokens).includes(concept) ? (this.options.effect ?? 1) : 0;
    for (let layer = 0; layer < layers; layer++) {
      const direction = this.direction(layer);
      for (const [p, position] of request.positions.entries()) {
        const token = this.options.noise === false ? 0 : (request.tokens[position] as number);
        for (let h = 0; h < hiddenSize; h++) {
          hiddenStates[(layer * count + p) * hiddenSize + h] =
            (layer + 1) * (noise(token, layer, h) + strength * (direction[h] as number));
        }
      }
    }
    return { hiddenStates, attentionToPrefix: new Float32Array(layers * this.shape.heads * count) };
  }

  async project(): Promise<Float32Array> {
    throw new Error('not in this fake');
  }

  async score(): Promise<Float32Array> {
    throw new Error('not part of this fake');
  }

  async scoreMany(): Promise<never> {
    throw new Error('not part of this fake');
  }

  async divergenceMany(): Promise<never> {
    throw new Error('not part of this fake');
  }

  load() {
    return { running: this.running, waiting: 0 };
  }

  async close(): Promise<void> {}
}

interface Message {
  readonly role: string;
  readonly content: string;
}

export function fakeModel(options: FakeOptions = {}): LoadedModel & { readonly engine: FakeEngine } {
  const kind = options.template ?? 'system';
  const chatTemplate = {
    render(messages: readonly Message[], { addGenerationPrompt }: { addGenerationPrompt: boolean }) {
      if (kind === 'refuses-system' && messages[0]?.role === 'system') throw new Error('no system role');
      return `${messages
        .filter(({ role }) => role !== 'system' || kind !== 'drops-system')
        .map(({ role, content }) => `<${role}>${content}`)
        .join('\n')}${addGenerationPrompt ? '\n<assistant>' : ''}`;
    },
  };
  const tokenizer = {
    encode: (value: string) => Array.from(value, (character) => character.codePointAt(0) as number),
    decode: text,
  };
  return {
    id: options.id ?? 'fake',
    directory: '/nowhere',
    engine: new FakeEngine(options),
    tokenizer: tokenizer as unknown as LoadedModel['tokenizer'],
    chatTemplate: kind === 'none' ? null : (chatTemplate as unknown as LoadedModel['chatTemplate']),
    stopTokens: [0],
    created: 0,
  };
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}
