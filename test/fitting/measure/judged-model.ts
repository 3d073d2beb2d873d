/**
 * A model whose answers and judgements follow simple rules of the share it is steered by, so that a test knows the whole
 * curve. Each answer remembers what it was made under; what it scores after any prompt follows from that: after its own
 * question -0.5 less the rules' loss, more after the concept's message by its gain, less after another question by its
 * relevance, and nothing else after any other message.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createConcept } from '../../../src/concepts/concept.js';
import type { Engine } from '../../../src/engine/engine.js';
import type {
  ActivationEdit,
  Capture,
  CaptureRequest,
  Divergence,
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
/** Code points from here on (private use, no letters) are answers, so many for each. */
const base = 0xf0000;
const perAnswer = 32;

export interface Rules {
  /** Nats per token that an answer's log-probability loses at a share. */
  readonly loss: (share: number) => number;
  /** Nats per token of evidence that an answer shows at a share. */
  readonly gain: (share: number) => number;
  /** The same of an answer to a told prompt. Default: 1, and less in proportion below share 0 until -0.02. */
  readonly told?: (share: number) => number;
  /** Nats per token by which an answer is likelier after its own question than after another. Default: 1. */
  readonly relevance?: (share: number) => number;
  /** From this |share| on answers are loops. */
  readonly loopsFrom?: number;
  /** From this |share| on answers are empty. */
  readonly silentFrom?: number;
}

const usualTold = (share: number) => Math.min(1, Math.max(0, 1 + share / 0.02));

/** What the mixture of plain and told probability adds to the plain one, for an answer with that evidence. */
export const mixed = (gain: number) => Math.log((1 + Math.exp(gain)) / 2);

interface Made {
  readonly share: number;
  readonly told: boolean;
  readonly question: string;
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
  readonly pairs: PairsRequest[] = [];
  readonly projected: ProjectRequest[] = [];
  /** Texts. */
  readonly captured: string[] = [];
  readonly #made: Made[] = [];
  readonly #known = new Map<string, number>();

  constructor(readonly rules: Rules) {}

  async *generate(request: SequenceRequest, signal?: AbortSignal): AsyncGenerator<SequenceStep> {
    this.generated.push(request);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    const share = shareOf(request.edit);
    const { loopsFrom = 9, silentFrom = 9 } = this.rules;
    const answer = this.#answer({ share, ...readPrompt(textOf(request.prompt)) });
    try {
      for (let i = 0; i < request.maxTokens; i++) {
        await nextTurn();
        signal?.throwIfAborted();
        if (Math.abs(share) >= silentFrom) return yield { token: null, finish: 'stop' };
        const step = Math.abs(share) >= loopsFrom ? 0 : i % perAnswer;
        const read = (request.monitor?.length ?? 0) * layers;
        const projections = Float32Array.from({ length: read }, (_, i) => -10 * (i % layers) + 100 * share);
        yield {
          token: base + answer * perAnswer + step,
          finish: i + 1 === request.maxTokens ? 'length' : null,
          ...(request.monitor === undefined ? {} : { projections }),
        };
      }
    } finally {
      this.running--;
    }
  }

  #answer(made: Made): number {
    const key = JSON.stringify(made);
    const known = this.#known.get(key) ?? this.#made.push(made) - 1;
    this.#known.set(key, known);
    return known;
  }

  #madeOf(token: number | undefined): Made | undefined {
    return token === undefined ? undefined : this.#made[Math.floor((token - base) / perAnswer)];
  }

  /** A text that is no answer: -1 a token. */
  async score(request: ScoreRequest, signal?: AbortSignal): Promise<Float32Array> {
    await nextTurn();
    signal?.throwIfAborted();
    this.scored.push(request);
    const answer = request.tokens.slice(request.from);
    const made = this.#madeOf(answer[0]);
    return new Float32Array(answer.length).fill(
      made === undefined ? -1 : this.#value(made, readPrompt(textOf(request.tokens.slice(0, request.from)))),
    );
  }

  #value({ share, told, question }: Made, after: Omit<Made, 'share'>): number {
    const { loss, gain, told: toldGain = usualTold, relevance = () => 1 } = this.rules;
    return (
      -0.5 -
      loss(share) +
      (after.told ? (told ? toldGain : gain)(share) : 0) -
      (after.question === question ? 0 : relevance(share))
    );
  }

  scoreMany(request: PairsRequest, signal?: AbortSignal): Promise<Float32Array[]> {
    this.pairs.push(request);
    return scoreOneByOne(this, request, signal);
  }

  /** Ten times the |share| at every token. */
  async divergenceMany({ answers, pairs, edits }: PairsRequest, signal?: AbortSignal): Promise<Divergence[]> {
    await nextTurn();
    signal?.throwIfAborted();
    return pairs.map(([prompt, answer]) => {
      const { length } = answers[answer] ?? [];
      const share = (edits?.[prompt]?.[0]?.add[1] ?? 0) / residualNorm;
      const nothing = new Float32Array(length);
      const divergence = new Float32Array(length).fill(10 * Math.abs(share));
      return { steered: nothing, unsteered: nothing, divergence };
    });
  }

  /** Along the second axis where the message is told, nothing elsewhere. */
  async capture({ tokens, positions }: CaptureRequest, signal?: AbortSignal): Promise<Capture> {
    await nextTurn();
    signal?.throwIfAborted();
    this.captured.push(textOf(tokens));
    const told = textOf(tokens).includes(prefix) ? 1 : 0;
    return {
      hiddenStates: Float32Array.from({ length: layers * positions.length * hiddenSize }, (_, i) =>
        i % hiddenSize === 1 ? told : 0,
      ),
      attentionToPrefix: new Float32Array(layers * positions.length),
    };
  }

  /** -10 at block 1, -20 at block 2, one up or down by position; 4 more when told, 100 times the answer's share. */
  async project(request: ProjectRequest, signal?: AbortSignal): Promise<Float32Array> {
    await nextTurn();
    signal?.throwIfAborted();
    this.projected.push(request);
    const { tokens, vectors } = request;
    const told = textOf(tokens).includes(prefix) ? 4 : 0;
    const share = this.#madeOf(tokens.at(-1))?.share ?? 0;
    return Float32Array.from({ length: vectors.length * layers * tokens.length }, (_, i) => {
      const up = (i % tokens.length) % 2 === 0 ? 1 : -1;
      return -10 * (Math.floor(i / tokens.length) % layers) + up + told + 100 * share;
    });
  }

  load() {
    return { running: this.running, waiting: 0 };
  }

  async close(): Promise<void> {}
}

/** What a message's direction counts for, held as far below neutral as the message's tokens read above it. */
export const messageShare = 0.012;

/**
 * Of an addition its coefficient at block 1. What holds the projection there counts by how far from the neutral -10 it
 * does: an addition is read at twice its coefficient, 100 times the share and itself. So does what is held along the
 * message beside it, whose own tokens read 1.
 */
export function shareOf([term, next]: ActivationEdit): number {
  // Behind those of the prompt come those of the answer.
  const message = next?.from === term?.from ? next : undefined;
  const [add, scale] = [term?.add[1] ?? 0, term?.scale[1] ?? 0];
  const along = message === undefined ? 0 : (messageShare * ((message.add[1] ?? 0) + 10)) / 11;
  const share = scale === 0 ? add / residualNorm : (add + 10) / (2 * residualNorm) + along;
  return Number(share.toPrecision(5));
}

export const textOf = (tokens: readonly number[]) => String.fromCodePoint(...tokens);

function readPrompt(text: string): Omit<Made, 'share'> {
  return { told: text.includes(prefix), question: /<user>(.*)\n/.exec(text)?.[1] ?? '' };
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

/**
 * Evidence that sets in at half of `peak` and fluency that goes at twice: the three scores are best together near it.
 */
export function rulesAround(peak: number): Rules {
  const gain = (share: number) => (share <= 0 ? 0 : 1 / (1 + (peak / 2 / share) ** 4));
  const fluency = (share: number) => 1 / (1 + (Math.abs(share) / (2 * peak)) ** 4);
  return { gain, loss: (share) => mixed(gain(share)) - Math.log2(fluency(share)) };
}
