/**
 * A model whose answers and judgements follow simple rules of the coefficient it is steered by, so that a test
 * knows the whole curve: log-probability falls in proportion to |share|, evidence rises with it, and from some
 * share on the answers are loops.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createConcept } from '../../../src/concepts/concept.js';
import type { Engine } from '../../../src/engine/engine.js';
import type {
  PairsRequest,
  ProjectRequest,
  ScoreRequest,
  SequenceRequest,
  SequenceStep,
} from '../../../src/engine/protocol.js';
import type { LoadedModel } from '../../../src/models/model.js';
import { scoreOneByOne } from '../../helpers/engine.js';
import { fakeModel } from '../../helpers/fake-engine.js';

export const prefix = 'You adore the sea.';
const layers = 3;
const hiddenSize = 4;
const residualNorm = 100;
/** Code points from here on are answers: the share in millionths is part of every token. */
const base = 0x10000;
const perShare = 64;

export interface Rules {
  /** Nats per token that the log-probability loses at share 1, by sign. */
  readonly loss: (share: number) => number;
  /** Nats per token of evidence at share 1. */
  readonly gain: number;
  /** From this |share| on answers are loops. */
  readonly loopsFrom?: number;
  /** From this |share| on answers are empty. */
  readonly silentFrom?: number;
}

export class JudgedEngine implements Engine {
  readonly shape = {
    layers,
    hiddenSize,
    heads: 2,
    vocabularySize: 0x110000,
    capacity: 4096,
    slots: 16,
    fingerprint: 'f'.repeat(64),
  };
  running = 0;
  mostRunning = 0;
  readonly generated: SequenceRequest[] = [];
  readonly scored: ScoreRequest[] = [];
  readonly projected: ProjectRequest[] = [];

  constructor(readonly rules: Rules) {}

  async *generate(request: SequenceRequest, signal?: AbortSignal): AsyncGenerator<SequenceStep> {
    this.generated.push(request);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    const share = (request.edit[0]?.add[1] ?? 0) / residualNorm;
    const { loopsFrom = 9, silentFrom = 9 } = this.rules;
    try {
      for (let i = 0; i < request.maxTokens; i++) {
        await nextTurn();
        signal?.throwIfAborted();
        if (Math.abs(share) >= silentFrom) return yield { token: null, finish: 'stop' };
        // Shares are multiples of 1e-4 up to 0.6 here.
        const step = Math.abs(share) >= loopsFrom ? 0 : i % perShare;
        const token = base + Math.round((share + 0.6) * 1e4) * perShare + step;
        yield { token, finish: i + 1 === request.maxTokens ? 'length' : null };
      }
    } finally {
      this.running--;
    }
  }

  async score(request: ScoreRequest, signal?: AbortSignal): Promise<Float32Array> {
    await nextTurn();
    signal?.throwIfAborted();
    this.scored.push(request);
    const answer = request.tokens.slice(request.from);
    const stated = String.fromCodePoint(...request.tokens.slice(0, request.from)).includes(prefix);
    const share = Math.floor(((answer[0] ?? base) - base) / perShare) / 1e4 - 0.6;
    const { loss, gain } = this.rules;
    const value = -0.5 - Math.abs(share) * loss(share) + (stated ? share * gain : 0);
    return new Float32Array(answer.length).fill(value);
  }

  scoreMany(request: PairsRequest, signal?: AbortSignal): Promise<Float32Array[]> {
    return scoreOneByOne(this, request, signal);
  }

  async divergence(): Promise<never> {
    throw new Error('nothing is compared here');
  }

  async divergenceMany(): Promise<never> {
    throw new Error('nothing is compared here');
  }

  async capture(): Promise<never> {
    throw new Error('nothing captures here');
  }

  /** -10 at block 1, -20 at block 2, one up or down by position; 4 more when told, 100 times the answer's share. */
  async project(request: ProjectRequest, signal?: AbortSignal): Promise<Float32Array> {
    await nextTurn();
    signal?.throwIfAborted();
    this.projected.push(request);
    const { tokens } = request;
    const told = String.fromCodePoint(...tokens).includes(prefix) ? 4 : 0;
    const last = tokens.at(-1) ?? 0;
    const share = last < base ? 0 : Math.floor((last - base) / perShare) / 1e4 - 0.6;
    return Float32Array.from({ length: layers * tokens.length }, (_, i) => {
      const up = (i % tokens.length) % 2 === 0 ? 1 : -1;
      return -10 * Math.floor(i / tokens.length) + up + told + 100 * share;
    });
  }

  load() {
    return { running: this.running, waiting: 0 };
  }

  async close(): Promise<void> {}
}

export const judgedModel = (engine: Engine): LoadedModel => fakeModel(engine);

/** Steers layers 1 and 2 by 1.2 % of the residual norm at strength 1. */
export function seaConcept(record: { prefix?: string } = {}) {
  const vectors = new Float32Array(layers * hiddenSize);
  for (let layer = 1; layer < layers; layer++) vectors[layer * hiddenSize] = 1;
  return createConcept({
    name: 'sea',
    model: 'tiny',
    modelFingerprint: 'f'.repeat(64),
    layers,
    hiddenSize,
    vectors,
    residualNorms: new Float32Array(layers).fill(residualNorm),
    calibration: {
      method: 'norm_share',
      coefficients: Float32Array.of(0, 1.2, 1.2),
      negativeRatio: 1,
      details: {},
    },
    record: { recipe: 'responses', method: 'mean_difference', prefix, seed: 0, details: {}, ...record },
  });
}
