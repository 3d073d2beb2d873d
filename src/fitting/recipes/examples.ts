/**
 * Recipe `examples`: the user's own texts or chats with the concept and without, as contrastive activation addition
 * (CAA, arXiv 2312.06681) and repeng take them. Features are means over tokens: of a text all of them, of a chat those
 * of the assistant's last message. Of a chat that ends otherwise the token before the answer is read. A token that the
 * request names replaces the mean. Attention sinks are left out; where a text would be nothing else (one word alone, in
 * most models) all texts are read after a line break, which takes the sink's place.
 */
import { createHash } from 'node:crypto';
import { periodicYield } from '../../common/yielding.js';
import { errors } from '../../errors.js';
import type { LoadedModel } from '../../models/model.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { literalText } from '../../text/tokenizer.js';
import { readable, SinkMeter } from './attention-sinks.js';
import { examplesRecord } from './example-statement.js';
import { encodePrompt, pieceCharacters, renderPrompt, tokenSpan } from './prompt-parts.js';
import { interleaved, meanOverTokens, type Reading, readAll } from './reading.js';
import type { Example, LabelledFeatures, Recipe, RecipeContext, RecipeRequest } from './recipe.js';

export const examples: Recipe = { check, collect };

const noSpan = [0, 0] as const;
const sides = ['positive', 'negative'] as const;
const lineBreak = '\n';

function check({ model, examples: given, token }: RecipeRequest): void {
  for (const side of sides) {
    const sizes = given?.[side].map((example) => JSON.stringify(example).length) ?? [];
    const index = sizes.indexOf(Math.max(...sizes));
    const example = given?.[side][index];
    if (example !== undefined) readingOf(example, `examples.${side}[${index}]`, { model, token });
  }
}

async function collect(context: RecipeContext): Promise<LabelledFeatures> {
  const given = context.examples;
  if (given === undefined) throw errors.invalidValue('examples', 'given with recipe "examples"', 'nothing');
  const rows = interleaved(given.positive.length, given.negative.length);
  const n = given.positive.length + given.negative.length;
  const { tokenizer, engine } = context.model;
  const { layers: depth, hiddenSize, capacity } = engine.shape;
  const meter = await SinkMeter.of(context.model, context.signal);
  const { readings, onlyFirst } = await allReadings(context, rows, meter.firstIsSink);
  const labels = new Float32Array(n);
  for (const row of rows.positive) labels[row] = 1;

  const layers = Array.from({ length: depth }, () => new Float32Array(n * hiddenSize));
  // By row, so that they are summed in the same order whichever capture ends first.
  const norms = Array.from({ length: depth }, () => new Float64Array(n));
  const tokensRead = new Float64Array(n);
  let sinksAlone = 0;
  let done = 0;
  context.onProgress('capture', done, n);
  await readAll(readings, context, (capture, row) => {
    const count = (readings[row] as Reading).positions.length;
    const sinks = meter.sinks(capture, count);
    if (sinks.every(Boolean)) sinksAlone++;
    const kept = readable(sinks);
    tokensRead[row] = kept.length;
    for (let layer = 0; layer < depth; layer++) {
      const feature = (layers[layer] as Float32Array).subarray(row * hiddenSize, (row + 1) * hiddenSize);
      (norms[layer] as Float64Array)[row] = meanOverTokens(capture, layer, count, kept, feature);
    }
    context.onProgress('capture', ++done, n);
  });
  const total = readings.reduce((sum, { positions }) => sum + positions.length, 0);
  const read = tokensRead.reduce((sum, count) => sum + count, 0);
  const warnings = warningsOf(onlyFirst, sinksAlone);
  return {
    n,
    hiddenSize,
    layers,
    labels,
    softLabels: null,
    residualNorms: Float32Array.from(norms, (byRow) => byRow.reduce((sum, x) => sum + x, 0) / read),
    attention: null,
    layerDetails: null,
    details: {
      examples_sha256: createHash('sha256').update(JSON.stringify(given)).digest('hex'),
      positives: given.positive.length,
      negatives: given.negative.length,
      tokens_read: read,
      ...(total > read ? { left_out: { attention_sinks: total - read } } : {}),
      ...(onlyFirst.length > 0 ? { lead_in: lineBreak } : {}),
      ...(warnings.length > 0 ? { warnings } : {}),
      ...(context.prefix === '' ? examplesRecord(given, { tokenizer, capacity }) : {}),
    },
  };
}

/** In the order of `rows`; with the texts that would have been read at the first position alone, by their names. */
async function allReadings(
  context: RecipeContext,
  rows: ReturnType<typeof interleaved>,
  firstIsSink: boolean,
): Promise<{ readings: Reading[]; onlyFirst: string[] }> {
  const { examples: given, model, token } = context;
  const yieldIfDue = periodicYield(context.signal);
  const all = async (leadIn: readonly number[]) => {
    const readings: Reading[] = [];
    const onlyFirst: string[] = [];
    for (const side of sides) {
      for (const [index, example] of (given?.[side] ?? []).entries()) {
        const name = `examples.${side}[${index}]`;
        const reading = readingOf(example, name, { model, token, leadIn });
        readings[rows[side][index] as number] = reading;
        if (reading.positions.every((position) => position === 0)) onlyFirst.push(name);
        await yieldIfDue();
      }
    }
    return { readings, onlyFirst };
  };
  const plain = await all([]);
  if (!firstIsSink || plain.onlyFirst.length === 0) return { ...plain, onlyFirst: [] };
  // All of them, so that what texts have in common does not differ between the sides.
  const { readings } = await all(model.tokenizer.encode(lineBreak, { addSpecialTokens: false }));
  return { readings, onlyFirst: plain.onlyFirst };
}

const named = 3;

function warningsOf(onlyFirst: readonly string[], sinksAlone: number): string[] {
  const warnings: string[] = [];
  if (onlyFirst.length > 0) {
    const names = `${onlyFirst.slice(0, named).join(', ')}${onlyFirst.length > named ? ', ...' : ''}`;
    warnings.push(
      `${counted(onlyFirst.length, 'text')} (${names}) would have been read at the first position alone, an attention sink whose activations are alike whatever stands there: every text is read after a line break instead. Whole sentences say more.`,
    );
  }
  if (sinksAlone > 0) {
    warnings.push(
      `${counted(sinksAlone, 'example')} had nothing to read but attention sinks, whose activations say little of what stands there, and are read there.`,
    );
  }
  return warnings;
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

interface ReadingOptions extends Pick<RecipeContext, 'model' | 'token'> {
  /** Tokens before a text; chats have their template. */
  readonly leadIn?: readonly number[];
}

function readingOf(example: Example, name: string, { model, token, leadIn = [] }: ReadingOptions): Reading {
  const { tokens, from, to } =
    typeof example === 'string' ? textPart(model, example, leadIn) : chatPart(model, example, name);
  const { capacity } = model.engine.shape;
  if (tokens.length > capacity) throw errors.contextLengthExceeded(name, tokens.length, 0, capacity);
  if (token !== undefined) {
    const own = typeof example === 'string' ? tokens.length - leadIn.length : tokens.length;
    if (own < -token) throw errors.invalidValue('token', `at least ${-own}, the length of ${name}`, token);
    return { tokens, positions: [tokens.length + token], span: noSpan };
  }
  if (to <= from) throw errors.invalidValue(name, 'a text of at least one token', 'none');
  return { tokens, positions: Array.from({ length: to - from }, (_, i) => from + i), span: noSpan };
}

interface Part {
  readonly tokens: readonly number[];
  /** Tokens [from, to) to read. */
  readonly from: number;
  readonly to: number;
}

/** The text's own tokens are read, not the special ones that a tokenizer puts around it. */
function textPart(model: LoadedModel, text: string, leadIn: readonly number[]): Part {
  const written = literalText(model.tokenizer, text);
  const tokens = model.tokenizer.encode(written);
  const own = model.tokenizer.encode(written, { addSpecialTokens: false });
  const before = Math.max(0, tokens.length - own.length);
  const start = Array.from({ length: before + 1 }, (_, i) => i).find((i) =>
    own.every((id, at) => tokens[i + at] === id),
  );
  const from = start ?? 0;
  const to = start === undefined ? tokens.length : start + own.length;
  return {
    tokens: [...tokens.slice(0, from), ...leadIn, ...tokens.slice(from)],
    from: from + leadIn.length,
    to: to + leadIn.length,
  };
}

function chatPart(model: LoadedModel, messages: readonly ChatMessage[], name: string): Part {
  const last = messages.at(-1) as ChatMessage;
  if (last.role !== 'assistant') {
    const { tokens } = encodePrompt(model, renderPrompt(model, messages));
    return { tokens, from: tokens.length - 1, to: tokens.length };
  }
  const render = (content: string) =>
    renderPrompt(model, [...messages.slice(0, -1), { ...last, content }], { addGenerationPrompt: false });
  const prompt = encodePrompt(model, render(last.content));
  const characters = pieceCharacters(model, render, last.content, name);
  const [from, to] = tokenSpan(model, prompt, characters);
  return { tokens: prompt.tokens, from, to };
}
