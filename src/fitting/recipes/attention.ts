/**
 * Recipe `attention`, the paper's own (arXiv 2602.00333): the model is asked what it thinks of statements, with the
 * prefix that states the concept before the question and without. Each layer is read at one of the closing tokens that
 * every prompt has, the one that attends most to the prefix (token-selection.ts); its attention is the soft label.
 */
import { createHash } from 'node:crypto';
import { periodicYield } from '../../common/yielding.js';
import type { AttentionRecord } from '../../concepts/fit-record.js';
import type { Capture } from '../../engine/protocol.js';
import { errors } from '../../errors.js';
import { defaultStatements } from '../statements/index.js';
import { ChosenFeatures } from './chosen-features.js';
import { PermutationTest, significanceLevel } from './permutation-test.js';
import {
  closingTokens,
  encodePrompt,
  longest,
  type Prompt,
  pieceCharacters,
  renderPrompt,
  tokenSpan,
} from './prompt-parts.js';
import { interleaved, minMax, type Reading, readAll, sharedTokens } from './reading.js';
import type { LabelledFeatures, Recipe, RecipeContext, RecipeRequest } from './recipe.js';
import { AttentionMap, candidateOffsets, meanOverHeads } from './token-selection.js';

export const attention: Recipe = { check, collect };

/** Captures of positives that were selected on are kept for their features, at every candidate token. */
const mostSelection = 512;

/** The question around a statement. Two spaces after the prefix and one before the line break, as in the paper. */
const question = (statement: string) =>
  `What are your thoughts on the following statement? \nStatement: ${statement}`;
const prefixed = (prefix: string, statement: string) => `${prefix}  ${question(statement)}`;

interface Prompts {
  readonly positive: readonly Reading[];
  readonly negative: readonly Reading[];
  /**
   * What tokens are selected on: every second statement of both sides, with the prefix, or as many evenly spread ones as
   * `mostSelection`. Some are positives, by index.
   */
  readonly selection: readonly (Reading | { readonly positive: number })[];
  /** The candidate tokens, as offsets from a prompt's end. */
  readonly offsets: readonly number[];
}

function check({ model, prefix, statements, token }: RecipeRequest): void {
  const { positive, negative } = statements ?? defaultStatements;
  // The candidates are chosen among on statements of both sides, all with the prefix.
  const statement = longest(token === undefined ? [...positive, ...negative] : positive);
  const { tokens } = encodePrompt(
    model,
    renderPrompt(model, [{ role: 'user', content: prefixed(prefix, statement) }]),
  );
  const { capacity } = model.engine.shape;
  if (tokens.length > capacity) {
    throw errors.contextLengthExceeded('prefix with a statement', tokens.length, 0, capacity);
  }
}

async function collect(context: RecipeContext): Promise<LabelledFeatures> {
  const prompts = await allPrompts(context);
  const { layers: depth, heads } = context.model.engine.shape;
  const selected = await select(prompts, context);
  const { positive, negative } = prompts;
  const rows = interleaved(positive.length, negative.length);
  const features = new ChosenFeatures(
    context.model.engine.shape,
    selected.chosen,
    prompts.offsets.length,
    positive.length + negative.length,
  );

  let done = 0;
  const total = positive.length + negative.length;
  const take = (capture: Capture, row: number) => {
    features.add(capture, row);
    context.onProgress('capture', ++done, total);
  };
  context.onProgress('capture', 0, total);
  const unread: { reading: Reading; row: number }[] = [];
  for (const [index, reading] of positive.entries()) {
    const row = rows.positive[index] as number;
    const known = selected.positives.get(index);
    if (known === undefined) unread.push({ reading, row });
    else take(known, row);
  }
  selected.positives.clear();
  for (const [index, reading] of negative.entries())
    unread.push({ reading, row: rows.negative[index] as number });
  await readAll(
    unread.map(({ reading }) => reading),
    context,
    (capture, index) => take(capture, (unread[index] as (typeof unread)[number]).row),
  );

  const labels = new Float32Array(total);
  for (const row of rows.positive) labels[row] = 1;
  const significantHeads = await shareOfHeads(features, rows, context);
  const mean = Array.from({ length: depth }, (_, layer) => features.meanAttention(layer, rows.positive));
  const soft = Array.from({ length: depth }, (_, layer) =>
    minMax(Float64Array.from(labels, (label, row) => (label === 0 ? 0 : features.attentionOf(layer, row)))),
  );
  const token = selected.chosen.map((candidate) => prompts.offsets[candidate] as number);
  return {
    n: total,
    hiddenSize: context.model.engine.shape.hiddenSize,
    layers: features.layers,
    labels,
    // A layer that cannot attend to the prefix (a short sliding window) has hard labels alone.
    softLabels: soft.map((layer) => layer ?? labels),
    residualNorms: features.residualNorms(),
    attention: { significantHeads, mean },
    layerDetails: token.map((offset, layer) => ({
      token: offset,
      significant_heads: significantHeads[layer],
      ...(soft[layer] === null ? { labels: 'hard' } : {}),
    })),
    details: {
      statements_sha256: createHash('sha256')
        .update(JSON.stringify(statementsOf(context)))
        .digest('hex'),
      positives: positive.length,
      negatives: negative.length,
      selection_prompts: prompts.selection.length,
      heads,
      significance_level: significanceLevel,
      attention: {
        candidates: [...prompts.offsets],
        candidate_ids: prompts.offsets.map((offset) => (positive[0] as Reading).tokens.at(offset) as number),
        chosen: token,
        map: selected.map && recorded(selected.map),
      } satisfies AttentionRecord,
    },
  };
}

const statementsOf = ({ statements }: RecipeContext) => statements ?? defaultStatements;

/** [L][N] to six digits: the record stays short. */
const recorded = (map: AttentionMap): number[][] =>
  Array.from({ length: map.layers }, (_, layer) =>
    Array.from(map.row(layer), (x) => Number(x.toPrecision(6))),
  );

/** Renders and checks every prompt before the first is run. */
async function allPrompts(context: RecipeContext): Promise<Prompts> {
  const { model, prefix, token } = context;
  const { capacity } = model.engine.shape;
  const yieldIfDue = periodicYield(context.signal);
  const { positive, negative } = statementsOf(context);
  const offsets = token === undefined ? candidateOffsets(closingTokens(model)) : [token];
  const encode = async (content: string, what: string): Promise<Prompt> => {
    const prompt = encodePrompt(model, renderPrompt(model, [{ role: 'user', content }]));
    const { length } = prompt.tokens;
    if (length > capacity) throw errors.contextLengthExceeded(what, length, 0, capacity);
    if (length < -(offsets[0] as number))
      throw errors.invalidValue(
        'token',
        `at least ${-length}, the length of the shortest prompt`,
        offsets[0],
      );
    await yieldIfDue();
    return prompt;
  };
  const first = await encode(prefixed(prefix, positive[0] as string), 'prefix with a statement');
  const span = prefixSpan(context, first, positive[0] as string);
  const reading = async (content: string, what: string): Promise<Reading> => {
    const { tokens } = await encode(content, what);
    const positions = offsets.map((offset) => tokens.length + offset);
    // A prompt without the prefix has other text at its place, to compare with: as far as the tokens read.
    const end = Math.min(span[1], positions[0] as number);
    return { tokens, positions, span: [Math.min(span[0], end), end] };
  };
  const positives: Reading[] = [];
  for (const statement of positive)
    positives.push(
      await reading(prefixed(prefix, statement), 'prefix with a statement of statements.positive'),
    );
  const negatives: Reading[] = [];
  for (const statement of negative)
    negatives.push(await reading(question(statement), 'a statement of statements.negative'));
  const selection: Prompts['selection'][number][] = [];
  if (token === undefined) {
    const every = Math.max(2, Math.ceil((positive.length + negative.length) / mostSelection));
    for (const [index, statement] of [...positive, ...negative].entries()) {
      if (index % every !== 0) continue;
      selection.push(
        index < positive.length
          ? { positive: index }
          : await reading(prefixed(prefix, statement), 'prefix with a statement of statements.negative'),
      );
    }
  }
  const others = selection.filter((prompt): prompt is Reading => 'tokens' in prompt);
  const sharedPositive = sharedTokens([...positives, ...others]);
  const sharedNegative = sharedTokens(negatives);
  const sharing = (shared: number) => (prompt: Reading) => ({ ...prompt, shared });
  return {
    positive: positives.map(sharing(sharedPositive)),
    negative: negatives.map(sharing(sharedNegative)),
    selection: selection.map((prompt) => ('tokens' in prompt ? sharing(sharedPositive)(prompt) : prompt)),
    offsets,
  };
}

/** Tokens of the prefix in a prompt, with the first of the two spaces after it, as in the paper's code. */
function prefixSpan(context: RecipeContext, prompt: Prompt, statement: string): [number, number] {
  const render = (prefix: string) =>
    renderPrompt(context.model, [{ role: 'user', content: prefixed(prefix, statement) }]);
  const [from, to] = pieceCharacters(render, context.prefix, 'the prefix');
  const [start, end] = tokenSpan(context.model, prompt, [from, to + 1]);
  if (end <= start) {
    throw errors.fitImpossible(
      'the prefix has no token of its own, so no attention to it can be measured',
      'prefix',
    );
  }
  return [start, end];
}

interface Selected {
  /** [L] index of the candidate read. */
  readonly chosen: readonly number[];
  /** Null for a fixed token. */
  readonly map: AttentionMap | null;
  /** Captures of positives that were selected on, by their index. */
  readonly positives: Map<number, Capture>;
}

async function select({ positive, selection, offsets }: Prompts, context: RecipeContext): Promise<Selected> {
  const { layers: depth, heads } = context.model.engine.shape;
  const positives = new Map<number, Capture>();
  if (selection.length === 0) return { chosen: new Array(depth).fill(0), map: null, positives };
  const map = new AttentionMap(depth, offsets.length);
  let done = 0;
  context.onProgress('select', done, selection.length);
  await readAll(
    selection.map((prompt) => ('tokens' in prompt ? prompt : (positive[prompt.positive] as Reading))),
    context,
    (capture, index) => {
      map.add(meanOverHeads(capture.attentionToPrefix, depth, heads));
      const prompt = selection[index];
      if (prompt !== undefined && 'positive' in prompt) positives.set(prompt.positive, capture);
      context.onProgress('select', ++done, selection.length);
    },
  );
  return { chosen: map.chosen(), map, positives };
}

/** [L] share of the heads that attend significantly more to the prefix than to other text at its place. */
async function shareOfHeads(
  features: ChosenFeatures,
  { positive, negative }: { positive: readonly number[]; negative: readonly number[] },
  { model, seed, signal }: RecipeContext,
): Promise<number[]> {
  const { layers, heads } = model.engine.shape;
  const test = new PermutationTest(positive.length, negative.length, seed);
  const order = [...positive, ...negative];
  const yieldIfDue = periodicYield(signal);
  const shares: number[] = [];
  for (let layer = 0; layer < layers; layer++) {
    let significant = 0;
    for (let head = layer * heads; head < (layer + 1) * heads; head++) {
      const values = features.heads[head] as Float64Array;
      if (test.p(Float64Array.from(order, (row) => values[row] as number)) < significanceLevel) significant++;
      await yieldIfDue();
    }
    shares.push(significant / heads);
  }
  return shares;
}
