/**
 * Recipe `examples`: the user's own texts or chats with the concept and without, as contrastive activation addition
 * (CAA, arXiv 2312.06681) and repeng take them. Features are means over tokens: of a text all of them, of a chat those
 * of the assistant's last message. Of a chat that ends otherwise the token before the answer is read. A token that the
 * request names replaces the mean.
 */
import { createHash } from 'node:crypto';
import { periodicYield } from '../../common/yielding.js';
import { errors } from '../../errors.js';
import type { LoadedModel } from '../../models/model.js';
import type { ChatMessage } from '../../text/chat-template.js';
import { examplesRecord } from './example-statement.js';
import { encodePrompt, pieceCharacters, renderPrompt, tokenSpan } from './prompt-parts.js';
import { interleaved, meanOverTokens, type Reading, readAll } from './reading.js';
import type { Example, LabelledFeatures, Recipe, RecipeContext, RecipeRequest } from './recipe.js';

export const examples: Recipe = { check, collect };

const noSpan = [0, 0] as const;

function check({ model, examples: given, token }: RecipeRequest): void {
  for (const side of ['positive', 'negative'] as const) {
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
  const readings: Reading[] = new Array(n);
  const labels = new Float32Array(n);
  const yieldIfDue = periodicYield(context.signal);
  for (const side of ['positive', 'negative'] as const) {
    for (const [index, example] of given[side].entries()) {
      const name = `examples.${side}[${index}]`;
      const reading = readingOf(example, name, context);
      const row = rows[side][index] as number;
      readings[row] = reading;
      labels[row] = side === 'positive' ? 1 : 0;
      await yieldIfDue();
    }
  }

  const layers = Array.from({ length: depth }, () => new Float32Array(n * hiddenSize));
  // By row, so that they are summed in the same order whichever capture ends first.
  const norms = Array.from({ length: depth }, () => new Float64Array(n));
  let done = 0;
  context.onProgress('capture', done, n);
  await readAll(readings, context, (capture, row) => {
    const count = (readings[row] as Reading).positions.length;
    for (let layer = 0; layer < depth; layer++) {
      const feature = (layers[layer] as Float32Array).subarray(row * hiddenSize, (row + 1) * hiddenSize);
      (norms[layer] as Float64Array)[row] = meanOverTokens(capture, layer, count, feature);
    }
    context.onProgress('capture', ++done, n);
  });
  const tokensRead = readings.reduce((sum, { positions }) => sum + positions.length, 0);
  return {
    n,
    hiddenSize,
    layers,
    labels,
    softLabels: null,
    residualNorms: Float32Array.from(norms, (byRow) => byRow.reduce((sum, x) => sum + x, 0) / tokensRead),
    attention: null,
    layerDetails: null,
    details: {
      examples_sha256: createHash('sha256').update(JSON.stringify(given)).digest('hex'),
      positives: given.positive.length,
      negatives: given.negative.length,
      tokens_read: tokensRead,
      ...(context.prefix === '' ? examplesRecord(given, { tokenizer, capacity }) : {}),
    },
  };
}

function readingOf(
  example: Example,
  name: string,
  { model, token }: Pick<RecipeContext, 'model' | 'token'>,
): Reading {
  const { tokens, from, to } =
    typeof example === 'string' ? textPart(model, example) : chatPart(model, example, name);
  const { capacity } = model.engine.shape;
  if (tokens.length > capacity) throw errors.contextLengthExceeded(name, tokens.length, 0, capacity);
  if (token !== undefined) {
    if (tokens.length < -token) {
      throw errors.invalidValue('token', `at least ${-tokens.length}, the length of ${name}`, token);
    }
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

/** Without the first token: it is an attention sink with an outlier norm, whatever the text. */
function textPart(model: LoadedModel, text: string): Part {
  const tokens = model.tokenizer.encode(text);
  return { tokens, from: tokens.length > 1 ? 1 : 0, to: tokens.length };
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
  const characters = pieceCharacters(render, last.content, name);
  const [from, to] = tokenSpan(model, prompt, characters);
  return { tokens: prompt.tokens, from, to };
}
