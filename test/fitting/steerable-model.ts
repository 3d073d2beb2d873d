/**
 * A model that can be fitted, steered and judged, all by simple rules. It speaks of zorbs along one direction per layer.
 * What its activations show of that direction differs by where they are read, so a test knows which recipe finds it
 * best; what steering does to its answers depends on how well the vectors point along it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Engine } from '../../src/engine/engine.js';
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
} from '../../src/engine/protocol.js';
import type { LoadedModel } from '../../src/models/model.js';
import { scoreOneByOne } from '../helpers/engine.js';
import { fakeModel, noise } from './fake-model.js';

export const zorbs = 'Every sentence of yours speaks of zorbs.';

/** Where an activation is read: at a prompt's end, in an answer under the message, in a text about the subject. */
type Place = 'prompt' | 'answer' | 'text';

export interface SteerableOptions {
  /** Cosine of what is shown there with the direction that steers. Default: 0.3 everywhere. */
  readonly shows?: Partial<Record<Place, number>>;
  /** Whether a push at this layer does anything. Default: at all of them. */
  readonly works?: (layer: number) => boolean;
  readonly template?: 'system' | 'none';
  readonly capacity?: number;
  /** Whether it writes nothing where it is told of zorbs. */
  readonly silent?: boolean;
}

/** Who wrote an answer, and under what. */
interface Written {
  readonly place: Place | null;
  readonly question: string;
  /** Of the noise in its activations. */
  readonly salt: number;
  /** Nats per token that the concept's message explains. */
  readonly evidence: number;
  /** Nats per token that it is less likely. */
  readonly loss: number;
}

const [layers, hiddenSize] = [4, 16];
/** Token ids from here on are answers, of `perAnswer` ids each. */
const base = 0x10000;
const perAnswer = 64;
const words = ['the ', 'day ', 'was ', 'long ', 'and ', 'we ', 'went ', 'home '];
const text = (tokens: readonly number[]) =>
  tokens.map((token) => (token < base ? String.fromCodePoint(token) : words[token % 8])).join('');
/** Of the block outputs at a layer, about. */
const normAt = (layer: number) => (layer + 1) * Math.sqrt(hiddenSize / 3);
/** Of what a message or a subject adds, beside noise. */
const shownLength = 3;
const evidenceAtOne = 80;
const lossAtOne = 60;
const hashOf = (value: string) => Math.floor(2 ** 31 * noise(...Array.from(value, (c) => c.charCodeAt(0))));

export class SteerableEngine implements Engine {
  readonly shape;
  running = 0;
  readonly captures: CaptureRequest[] = [];
  scored = 0;
  readonly #written = new Map<string, number>();
  readonly #answers: Written[] = [];

  constructor(readonly options: SteerableOptions) {
    this.shape = {
      layers,
      hiddenSize,
      heads: 2,
      vocabularySize: 0x110000,
      capacity: options.capacity ?? 4096,
      slots: 16,
      fingerprint: 'f'.repeat(64),
    };
  }

  async *generate(request: SequenceRequest, signal?: AbortSignal): AsyncGenerator<SequenceStep> {
    this.running++;
    try {
      await nextTurn();
      signal?.throwIfAborted();
      const written = this.#write(text(request.prompt), request.edit);
      const id = this.#idOf(written);
      const length = this.options.silent && written.place !== null ? 0 : request.maxTokens;
      for (let i = 0; i < length; i++)
        yield { token: base + id * perAnswer + (i % perAnswer), finish: i + 1 === length ? 'length' : null };
      if (length === 0) yield { token: null, finish: 'stop' };
    } finally {
      this.running--;
    }
  }

  #write(prompt: string, edit: ActivationEdit): Written {
    const question = prompt.split('<user>').at(-1)?.split('\n<assistant>')[0] ?? prompt;
    const place = question.includes('zorbs') ? 'text' : prompt.includes('zorbs') ? 'answer' : null;
    let along = 0;
    let spent = 0;
    let steered = 0;
    for (const { vectors, add } of edit) {
      for (let layer = 0; layer < layers; layer++) {
        const share = (add[layer] as number) / normAt(layer);
        if (share === 0) continue;
        steered++;
        spent += Math.abs(share);
        if (this.options.works?.(layer) ?? true) {
          const { own } = this.#axes(layer);
          const row = vectors.subarray(layer * hiddenSize, (layer + 1) * hiddenSize);
          along += share * row.reduce((sum, x, h) => sum + x * (own[h] as number), 0);
        }
      }
    }
    const mean = (sum: number) => (steered === 0 ? 0 : sum / steered);
    return {
      place,
      question,
      salt: hashOf(question),
      // However hard it is pushed, it says no more of zorbs than when it is told.
      evidence: Math.min(1, (place === null ? 0 : 1) + evidenceAtOne * mean(along)),
      loss: lossAtOne * mean(spent),
    };
  }

  #idOf(written: Written): number {
    const key = JSON.stringify(written);
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    this.#written.set(key, this.#answers.length);
    return this.#answers.push(written) - 1;
  }

  #writtenIn(token: number): Written | undefined {
    return token < base ? undefined : this.#answers[Math.floor((token - base) / perAnswer)];
  }

  /** The direction that steers at a layer, and one at right angles. */
  #axes(layer: number): { own: Float64Array; other: Float64Array } {
    const unit = (raw: Float64Array) => raw.map((x) => x / Math.hypot(...raw));
    const own = unit(Float64Array.from({ length: hiddenSize }, (_, h) => noise(7, layer, h)));
    const raw = Float64Array.from({ length: hiddenSize }, (_, h) => noise(8, layer, h));
    const along = raw.reduce((sum, x, h) => sum + x * (own[h] as number), 0);
    return { own, other: unit(raw.map((x, h) => x - along * (own[h] as number))) };
  }

  async capture(request: CaptureRequest, signal?: AbortSignal): Promise<Capture> {
    await nextTurn();
    signal?.throwIfAborted();
    this.captures.push(request);
    const { tokens, positions } = request;
    const whole = text(tokens);
    const count = positions.length;
    const asked = hashOf(whole);
    const hiddenStates = new Float32Array(layers * count * hiddenSize);
    for (let layer = 0; layer < layers; layer++) {
      const { own, other } = this.#axes(layer);
      for (const [p, position] of positions.entries()) {
        const answer = this.#writtenIn(tokens[position] as number);
        const place = answer ? answer.place : whole.includes('zorbs') ? 'prompt' : null;
        const cosine = place === null ? 0 : (this.options.shows?.[place] ?? 0.3);
        const salt = answer?.salt ?? asked;
        for (let h = 0; h < hiddenSize; h++) {
          const along = cosine * (own[h] as number) + Math.sqrt(1 - cosine ** 2) * (other[h] as number);
          hiddenStates[(layer * count + p) * hiddenSize + h] =
            (layer + 1) *
            (noise(salt, position - tokens.length, layer, h) + (place === null ? 0 : shownLength * along));
        }
      }
    }
    return { hiddenStates, attentionToPrefix: new Float32Array(layers * this.shape.heads * count) };
  }

  async score({ tokens, from }: ScoreRequest, signal?: AbortSignal): Promise<Float32Array> {
    signal?.throwIfAborted();
    this.scored++;
    const prompt = text(tokens.slice(0, from));
    return Float32Array.from(tokens.slice(from), (token) => {
      const answer = this.#writtenIn(token);
      if (answer === undefined) return -1;
      const { question, evidence, loss } = answer;
      return -0.5 - loss - (prompt.includes(question) ? 0 : 1) + (prompt.includes('zorbs') ? evidence : 0);
    });
  }

  async scoreMany(request: PairsRequest, signal?: AbortSignal): Promise<Float32Array[]> {
    await nextTurn();
    return scoreOneByOne(this, request, signal);
  }

  async divergenceMany({ answers, pairs }: PairsRequest): Promise<Divergence[]> {
    return pairs.map(([, answer]) => {
      const zeros = new Float32Array((answers[answer] as readonly number[]).length);
      return { steered: zeros, unsteered: zeros, divergence: zeros };
    });
  }

  /** Higher where the text speaks of zorbs. */
  async project({ tokens }: ProjectRequest): Promise<Float32Array> {
    const told = text(tokens).includes('zorbs') ? 4 : 0;
    return Float32Array.from({ length: layers * tokens.length }, (_, i) => told + (i % 2));
  }

  load() {
    return { running: this.running, waiting: 0 };
  }

  async close(): Promise<void> {}
}

export function steerableModel(
  options: SteerableOptions = {},
): LoadedModel & { readonly engine: SteerableEngine } {
  const { tokenizer, ...rest } = fakeModel({ id: 'steerable', template: options.template ?? 'system' });
  const engine = new SteerableEngine(options);
  return { ...rest, engine, tokenizer: { ...tokenizer, decode: text } as unknown as typeof tokenizer };
}
