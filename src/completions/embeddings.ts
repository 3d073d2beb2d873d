/** Embeddings: what a model's residual stream holds of a text, at one layer, pooled over its tokens. */
import type { ModelsAndConcepts } from '../concepts/concept-lookup.js';
import { errors } from '../errors.js';
import { keepLoaded, type LoadedModel } from '../models/model.js';
import type { EmbeddingRequest, Embeddings } from '../schemas/embeddings.js';
import { mostTexts, EmbeddingRequest as Request } from '../schemas/embeddings.js';
import { namedModel } from './model-alias.js';
import { textPrompts } from './prompt.js';
import { askedTruncation, truncated } from './truncation.js';
import { refuseUnsupported } from './unsupported-fields.js';

/** Bytes of activations that one capture may bring. */
const mostBytes = 64 * 1024 * 1024;

const known = Object.keys(Request.shape);

interface Pooling {
  readonly layer: number;
  readonly kind: 'mean' | 'last';
  readonly normalize: boolean;
}

/** @throws SteerdError what is wrong with the request for this model; context_length_exceeded for a text that is too long */
export async function embed(
  body: EmbeddingRequest,
  { models }: Pick<ModelsAndConcepts, 'models'>,
  signal: AbortSignal,
): Promise<Embeddings> {
  refuseSteering(body);
  const { model, name, steering } = await namedModel(body.model ?? undefined, models, signal);
  if (steering !== null) throw errors.notSupported('model', unsteered);
  const texts = await embeddedTexts(body, model);
  const pooling = poolingOf(body, model);
  const vectors = await keepLoaded(
    model,
    async () => {
      const found: Float32Array[] = [];
      for (const tokens of texts) found.push(await embedding(model, tokens, pooling, signal));
      return found;
    },
    signal,
  );
  const tokens = texts.reduce((sum, { length }) => sum + length, 0);
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: body.encoding_format === 'base64' ? base64(vector) : [...vector],
    })),
    model: name,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

const unsteered =
  'leave it out: embeddings are read without steering; POST /v1/steering/score reads along concepts';

function refuseSteering(body: EmbeddingRequest): void {
  for (const field of ['concept', 'strength', 'steering', 'monitor']) {
    const { [field]: value } = body;
    const asks = value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0);
    if (asks) throw errors.notSupported(field, unsteered);
  }
  refuseUnsupported(body, known);
}

async function embeddedTexts(
  { input, ...body }: EmbeddingRequest,
  model: LoadedModel,
): Promise<readonly (readonly number[])[]> {
  const { capacity } = model.engine.shape;
  const prompts = await textPrompts(model, input, mostTexts, 'input');
  const asked = askedTruncation(body);
  return prompts.map((tokens, i) => {
    const field = prompts.length > 1 ? `input.${i}` : 'input';
    const kept = truncated(tokens, asked, capacity);
    if (kept.length === 0) throw errors.promptEmpty(field);
    if (kept.length > capacity) throw errors.contextLengthExceeded(field, kept.length, 0, capacity);
    return kept;
  });
}

function poolingOf(
  { layer, pooling, normalize, dimensions }: EmbeddingRequest,
  { engine }: LoadedModel,
): Pooling {
  const { layers, hiddenSize } = engine.shape;
  const asked = layer ?? -1;
  if (asked < -layers || asked >= layers) {
    throw errors.invalidValue('layer', `a block of the model, from ${-layers} to ${layers - 1}`, asked);
  }
  if (typeof dimensions === 'number' && dimensions !== hiddenSize) {
    throw errors.invalidValue(
      'dimensions',
      `${hiddenSize}, the model's hidden size, or left out`,
      dimensions,
    );
  }
  return { layer: asked < 0 ? asked + layers : asked, kind: pooling ?? 'mean', normalize: normalize ?? true };
}

async function embedding(
  { engine }: LoadedModel,
  tokens: readonly number[],
  { layer, kind, normalize }: Pooling,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { layers, hiddenSize } = engine.shape;
  const sum = new Float64Array(hiddenSize);
  const most = Math.max(1, Math.floor(mostBytes / (4 * layers * hiddenSize)));
  // The first position is an attention sink: its activations are huge, and the same for every text.
  const first = kind === 'last' ? tokens.length - 1 : Math.min(1, tokens.length - 1);
  for (let from = first; from < tokens.length; from += most) {
    const to = Math.min(tokens.length, from + most);
    const positions = Array.from({ length: to - from }, (_, i) => from + i);
    // Later tokens do not change earlier ones.
    const read = await engine.capture({ tokens: tokens.slice(0, to), positions, span: [0, 0] }, signal);
    const begin = layer * positions.length * hiddenSize;
    for (let i = 0; i < positions.length * hiddenSize; i++) {
      const h = i % hiddenSize;
      sum[h] = (sum[h] as number) + (read.hiddenStates[begin + i] as number);
    }
  }
  const length = normalize ? Math.hypot(...sum) : tokens.length - first;
  return Float32Array.from(sum, (value) => (length === 0 ? value : value / length));
}

/** Little-endian, whatever this machine is. */
function base64(vector: Float32Array): string {
  const bytes = Buffer.alloc(4 * vector.length);
  for (const [i, value] of vector.entries()) bytes.writeFloatLE(value, 4 * i);
  return bytes.toString('base64');
}
