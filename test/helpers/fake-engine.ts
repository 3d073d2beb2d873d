/** A model whose answers a test writes: one token a character, steps as slow as the test wants. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Engine, EngineLoad } from '../../src/engine/engine.js';
import type {
  Capture,
  ModelShape,
  ProjectRequest,
  SequenceRequest,
  SequenceStep,
  TokenLogprobs,
} from '../../src/engine/protocol.js';
import type { LoadedModel } from '../../src/models/model.js';
import type { ChatTemplate } from '../../src/text/chat-template.js';
import type { Tokenizer } from '../../src/text/tokenizer.js';

export const endToken = 3;

/** Ids are code points, so that any text is its own tokens; control characters are special. */
export const characterTokenizer: Tokenizer = {
  vocabularySize: 0x110000,
  encode: (text, { addSpecialTokens = true } = {}) => [
    ...(addSpecialTokens && text !== '' ? [2] : []),
    ...[...text].map((character) => character.codePointAt(0) ?? 0),
  ],
  decode: (ids) => ids.map((id) => (id < 32 && id !== 10 ? '' : String.fromCodePoint(id))).join(''),
  tokenId: (token) => token.codePointAt(0),
  isSpecial: (id) => id < 32 && id !== 10,
  bytes: (id) => new TextEncoder().encode(String.fromCodePoint(id)),
};

export interface FakeEngineOptions {
  readonly capacity?: number;
  readonly slots?: number;
  /** The text that follows a prompt; an Error among the characters breaks the sequence there. */
  readonly answer?: (prompt: string, request: SequenceRequest) => Iterable<string | Error>;
  /** Awaited before each step. */
  readonly pace?: (step: number, request: SequenceRequest) => Promise<unknown>;
  /** How many of a prompt's tokens were known; none when left out. */
  readonly cached?: (request: SequenceRequest) => number;
  /** Of step `step`, from 1 on: what was guessed with it; nothing when left out. */
  readonly draft?: (step: number) => SequenceStep['draft'];
  /** Thrown before the first step. */
  readonly refuse?: () => Error | undefined;
}

/** Of token `token` onto the m-th direction at one layer, as this fake has it. */
export const fakeProjection = (token: number, m: number, layer: number) => token + 1000 * m + 0.25 * layer;

/** Of the token `rank` code points after `token`, as this fake has it: each token is its own likeliest. */
export const fakeLogprob = (token: number, rank: number) => -0.001 * token - rank;

const logprobsOf = (token: number, count: number): TokenLogprobs => ({
  chosen: fakeLogprob(token, 0),
  top: Array.from({ length: count }, (_, rank) => [token + rank, fakeLogprob(token, rank)] as const),
});

export class FakeEngine implements Engine {
  readonly shape: ModelShape;
  readonly requests: SequenceRequest[] = [];
  readonly projected: ProjectRequest[] = [];
  running = 0;
  /** Sequences that were left before they had ended. */
  left = 0;
  closed = false;

  constructor(private readonly options: FakeEngineOptions = {}) {
    this.shape = {
      layers: 3,
      hiddenSize: 4,
      heads: 2,
      vocabularySize: 0x110000,
      capacity: options.capacity ?? 512,
      slots: options.slots ?? 4,
      fingerprint: 'abcdef0123456789'.repeat(4),
    };
  }

  async *generate(request: SequenceRequest, signal?: AbortSignal): AsyncGenerator<SequenceStep> {
    const refusal = this.options.refuse?.();
    if (refusal !== undefined) throw refusal;
    this.requests.push(request);
    this.running++;
    let ended = false;
    try {
      const prompt = characterTokenizer.decode(request.prompt);
      const answer = this.options.answer?.(prompt, request) ?? 'Hello there.';
      let step = 0;
      for (const character of answer) {
        await (this.options.pace?.(step, request) ?? nextTurn());
        if (signal?.aborted) return;
        if (character instanceof Error) {
          ended = true;
          throw character;
        }
        step++;
        ended = step === request.maxTokens;
        const token = character.codePointAt(0) ?? 0;
        const { logprobs } = request;
        const draft = this.options.draft?.(step);
        yield {
          token,
          finish: ended ? 'length' : null,
          ...(step === 1 && {
            timing: { queued: 1, prefill: 2, cached: this.options.cached?.(request) ?? 0 },
          }),
          ...(draft && { draft }),
          ...this.#projections(token, request),
          ...(logprobs === undefined ? {} : { logprobs: logprobsOf(token, logprobs) }),
          ...(step === 1 && this.#ofPrompt(request)),
        };
        if (ended) return;
      }
      ended = true;
      const { logprobs } = request;
      yield {
        token: null,
        finish: 'stop',
        ...(step === 0 && this.#ofPrompt(request)),
        ...(logprobs !== undefined && {
          endToken: { id: endToken, logprobs: logprobsOf(endToken, logprobs) },
        }),
      };
    } finally {
      this.running--;
      if (!ended) this.left++;
    }
  }

  #ofPrompt({ prompt, logprobs, promptLogprobs }: SequenceRequest): Pick<SequenceStep, 'promptLogprobs'> {
    if (logprobs === undefined || !promptLogprobs) return {};
    return { promptLogprobs: prompt.slice(1).map((id) => logprobsOf(id, logprobs)) };
  }

  #projections(token: number, { monitor = [] }: SequenceRequest): Pick<SequenceStep, 'projections'> {
    if (monitor.length === 0) return {};
    const { layers } = this.shape;
    const values = monitor.flatMap((_, m) =>
      Array.from({ length: layers }, (_, layer) => fakeProjection(token, m, layer)),
    );
    return { projections: Float32Array.from(values) };
  }

  async capture(): Promise<Capture> {
    throw new Error('not in this fake');
  }

  async score(): Promise<Float32Array> {
    throw new Error('not in this fake');
  }

  async scoreMany(): Promise<never> {
    throw new Error('not in this fake');
  }

  async divergenceMany(): Promise<never> {
    throw new Error('not in this fake');
  }

  async project(request: ProjectRequest, signal?: AbortSignal): Promise<Float32Array> {
    signal?.throwIfAborted();
    this.projected.push(request);
    const { tokens, vectors } = request;
    const rows = vectors.length * this.shape.layers;
    return Float32Array.from({ length: rows * tokens.length }, (_, i) =>
      fakeProjection(
        tokens[i % tokens.length] ?? 0,
        Math.floor(i / tokens.length / this.shape.layers),
        Math.floor(i / tokens.length) % this.shape.layers,
      ),
    );
  }

  load(): EngineLoad {
    return { running: this.running, waiting: 0 };
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

export function fakeModel(
  engine: Engine,
  id = 'tiny',
  { generationPrompt = '', ...template }: Partial<ChatTemplate> & { readonly generationPrompt?: string } = {},
): LoadedModel {
  return {
    id,
    directory: '/nowhere',
    engine,
    tokenizer: characterTokenizer,
    chatTemplate: {
      render: (messages, { addGenerationPrompt }) =>
        messages
          .map(({ role, content, reasoning_content: reasoning }) => {
            const thought = reasoning === undefined ? '' : `(${reasoning})`;
            return `<${role}>${thought}${content}\n`;
          })
          .join('') + (addGenerationPrompt ? `<assistant>${generationPrompt}` : ''),
      ...template,
    },
    stopTokens: [endToken],
    created: 1_767_225_600,
  };
}
