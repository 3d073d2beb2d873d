/**
 * Activations of given texts or chats as a safetensors file, made while it is sent: what is in the file, and how large it is, is known
 * before the first text is read by the model, and one text's activations are in memory at a time.
 */
import { safetensorsHead, type TensorEntry } from '../checkpoint/safetensors.js';
import { shownBytes } from '../common/byte-size.js';
import { commonLength } from '../common/common-length.js';
import { numberToFloat16 } from '../common/float16.js';
import { packageVersion } from '../common/package.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { ModelRegistry } from '../models/registry.js';
import { type ActivationsRequest, activationLimits } from '../schemas/activations.js';
import { chatPrompt, checkTokens, textPrompts } from './prompt.js';

/** Of activations that are in memory at once, float32, all blocks. */
const mostAtOnce = 32 * 1024 ** 2;

interface Reading {
  readonly tokens: readonly number[];
  /** Rising. */
  readonly positions: readonly number[];
}

export interface ActivationsFile {
  /** Of the whole file. */
  readonly bytes: number;
  readonly parts: AsyncIterable<Uint8Array>;
}

/**
 * The file: `activations` [N, layers, H], a row for each token that is read, text by text; `inputs` [N], which text it is of; `positions`
 * [N] in that text; `tokens` [N], its id; `layers`, the blocks. The first text has been read when this returns.
 * @throws SteerdError whatever is wrong with the request; invalid_value for one whose file would be too large; queue_full,
 *   engine_failed; the signal's reason
 */
export async function activationsFile(
  body: ActivationsRequest,
  models: Pick<ModelRegistry, 'get'>,
  signal: AbortSignal,
): Promise<ActivationsFile> {
  const model = await models.get(body.model ?? undefined, signal);
  const { shape } = model.engine;
  const layers = body.layers === 'all' ? Array.from({ length: shape.layers }, (_, l) => l) : body.layers;
  for (const [i, layer] of layers.entries()) {
    if (layer >= shape.layers)
      throw errors.invalidValue(`layers.${i}`, `a block of the model, 0 to ${shape.layers - 1}`, layer);
    if (layers.indexOf(layer) < i) throw errors.invalidValue(`layers.${i}`, 'named once', layer);
  }
  const readings = await readingsOf(body, model);
  const rows = readings.reduce((sum, { positions }) => sum + positions.length, 0);
  const element = body.dtype === 'F16' ? 2 : 4;
  const size = rows * layers.length * shape.hiddenSize * element;
  if (size > activationLimits.bytes) {
    throw errors.invalidRequest(
      `the file would have ${shownBytes(size)} (${rows} tokens, ${layers.length} blocks of ${shape.hiddenSize} numbers), and may have ${shownBytes(activationLimits.bytes)}: ask for fewer texts, positions or layers, or dtype F16.`,
      'input',
    );
  }
  const integers = (of: (reading: Reading, index: number) => readonly number[]) =>
    Int32Array.from(readings.flatMap(of));
  const small = {
    layers: Int32Array.from(layers),
    inputs: integers(({ positions }, index) => positions.map(() => index)),
    positions: integers(({ positions }) => positions),
    tokens: integers(({ tokens, positions }) => positions.map((at) => tokens[at] as number)),
  };
  const entries: Record<string, TensorEntry> = Object.fromEntries(
    Object.entries(small).map(([name, { length }]) => [name, { dtype: 'I32', shape: [length] }]),
  );
  const head = safetensorsHead(
    { ...entries, activations: { dtype: body.dtype, shape: [rows, layers.length, shape.hiddenSize] } },
    {
      'steerd.kind': 'activations',
      'steerd.version': packageVersion,
      'steerd.model': model.id,
      'steerd.model_fingerprint': shape.fingerprint,
    },
  );
  const smallBytes = Object.values(small).map(asBytes);
  const blocks = activationBlocks(readings, layers, body.dtype, model, signal);
  // What is wrong with the engine or the request shows with the first block, when a status can still be chosen.
  const first = await blocks.next();
  return {
    bytes: [head, ...smallBytes].reduce((sum, { length }) => sum + length, size),
    parts: (async function* () {
      yield head;
      yield* smallBytes;
      if (first.done !== true) yield first.value;
      yield* blocks;
    })(),
  };
}

const asBytes = ({ buffer, byteOffset, byteLength }: Int32Array | Float32Array | Uint16Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** [P, layers, H] of a few positions at a time. */
async function* activationBlocks(
  readings: readonly Reading[],
  layers: readonly number[],
  dtype: ActivationsRequest['dtype'],
  { engine }: LoadedModel,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  const { hiddenSize, layers: all } = engine.shape;
  const most = Math.max(1, Math.floor(mostAtOnce / (4 * all * hiddenSize)));
  for (const { tokens, positions: asked } of readings) {
    for (let from = 0; from < asked.length; from += most) {
      const positions = asked.slice(from, from + most);
      const end = (positions.at(-1) as number) + 1;
      // Later tokens do not change earlier ones; those before the first that is read now were computed for the last ones.
      const shared = from === 0 ? 0 : (positions[0] as number);
      const request = { tokens: tokens.slice(0, end), positions, span: [0, 0] as const, shared };
      const { hiddenStates } = await engine.capture({ ...request, span: [0, 0] }, signal);
      const block = new Float32Array(positions.length * layers.length * hiddenSize);
      for (let p = 0; p < positions.length; p++) {
        for (const [l, layer] of layers.entries()) {
          const start = (layer * positions.length + p) * hiddenSize;
          block.set(hiddenStates.subarray(start, start + hiddenSize), (p * layers.length + l) * hiddenSize);
        }
      }
      yield asBytes(dtype === 'F16' ? Uint16Array.from(block, numberToFloat16) : block);
    }
  }
}

async function readingsOf(body: ActivationsRequest, model: LoadedModel): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  let total = 0;
  const add = (tokens: readonly number[], template: number, field: string) => {
    const { shape } = model.engine;
    if (tokens.length === 0) throw errors.promptEmpty(field);
    checkTokens(field, tokens, shape);
    if (tokens.length > shape.capacity)
      throw errors.contextLengthExceeded(field, tokens.length, 0, shape.capacity);
    total += tokens.length;
    if (total > activationLimits.tokens) {
      throw errors.invalidRequest(
        `all texts of a request must have at most ${activationLimits.tokens} tokens together; ${field} goes beyond that.`,
        field,
      );
    }
    readings.push({ tokens, positions: positionsOf(body.positions, tokens, template, field) });
  };
  if (body.chats === undefined) {
    const texts = await textPrompts(model, body.input ?? '', activationLimits.inputs, 'input');
    for (const [i, tokens] of texts.entries()) add(tokens, 0, `input.${i}`);
    return readings;
  }
  for (const [i, messages] of body.chats.entries()) {
    const field = `chats.${i}`;
    const ends =
      (body.add_generation_prompt ?? messages.at(-1)?.role !== 'assistant')
        ? ('generation-prompt' as const)
        : ('last-message' as const);
    const tokens = await chatPrompt(model, messages, { ends }, field);
    let template = 1;
    if (body.positions === 'template' && ends === 'generation-prompt') {
      const before = await chatPrompt(model, messages, { ends: 'last-message' }, field);
      template = tokens.length - commonLength(tokens, before) + 1;
    }
    add(tokens, template, field);
  }
  return readings;
}

/** @param template how many tokens the template writes at the end, with the last before them */
function positionsOf(
  asked: ActivationsRequest['positions'],
  { length }: readonly number[],
  template: number,
  field: string,
): readonly number[] {
  const last = (count: number) =>
    Array.from({ length: Math.min(count, length) }, (_, i) => length - Math.min(count, length) + i);
  if (asked === 'all') return last(length);
  if (asked === 'last') return last(1);
  if (asked === 'template') return last(template);
  const beyond = asked.find((offset) => length + offset < 0);
  if (beyond !== undefined)
    throw errors.invalidValue('positions', `at most the ${length} tokens of ${field} from its end`, beyond);
  return [...new Set(asked.map((offset) => length + offset))].sort((a, b) => a - b);
}
