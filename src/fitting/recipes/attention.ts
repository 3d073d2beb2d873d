/**
 * Recipe `attention`, the paper's own (arXiv 2602.00333): the model is asked what it thinks of statements, with the
 * prefix that states the concept before the question, and with the contrast's in its place (nothing with contrast
 * `none`, as in the paper). Each layer is read at one of the closing tokens that every prompt has, the one that attends
 * most to the prefix (token-selection.ts); its attention is the soft label, 0 on the negative side.
 */
import { createHash } from 'node:crypto';
import { periodicYield } from '../../common/yielding.js';
import type { AttentionRecord } from '../../concepts/fit-record.js';
import type { Capture } from '../../engine/protocol.js';
import { contrastOf, contrastRecord } from '../contrast/contrast.js';
import { allPrompts, checkLongest, type Prompts, statementsOf } from './attention-prompts.js';
import { ChosenFeatures } from './chosen-features.js';
import { PermutationTest, significanceLevel } from './permutation-test.js';
import { interleaved, minMax, type Reading, readAll } from './reading.js';
import type { LabelledFeatures, Recipe, RecipeContext } from './recipe.js';
import { AttentionMap, meanOverHeads } from './token-selection.js';

export const attention: Recipe = { check: checkLongest, collect };

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

  const comparison = new ChosenFeatures(
    context.model.engine.shape,
    selected.chosen,
    prompts.offsets.length,
    prompts.compared.length,
  );

  let done = 0;
  const n = positive.length + negative.length;
  const total = n + prompts.compared.length;
  const take = (capture: Capture, row: number, into = features) => {
    into.add(capture, row);
    context.onProgress('capture', ++done, total);
  };
  context.onProgress('capture', 0, total);
  const unread: { reading: Reading; row: number; into?: ChosenFeatures }[] = [];
  for (const [index, reading] of positive.entries()) {
    const row = rows.positive[index] as number;
    const known = selected.positives.get(index);
    if (known === undefined) unread.push({ reading, row });
    else take(known, row);
  }
  selected.positives.clear();
  for (const [index, reading] of negative.entries())
    unread.push({ reading, row: rows.negative[index] as number });
  for (const [row, reading] of prompts.compared.entries()) unread.push({ reading, row, into: comparison });
  // Texts that share more of their beginning are read one after the other: what they share is computed once.
  const beginnings = new Map<string, typeof unread>();
  for (const each of unread) {
    const beginning = each.reading.tokens.slice(0, each.reading.shared).join();
    const alike = beginnings.get(beginning);
    if (alike === undefined) beginnings.set(beginning, [each]);
    else alike.push(each);
  }
  const ordered = [...beginnings.values()].flat();
  await readAll(
    ordered.map(({ reading }) => reading),
    context,
    (capture, index) => {
      const { row, into } = ordered[index] as (typeof ordered)[number];
      take(capture, row, into);
    },
  );

  const labels = new Float32Array(n);
  for (const row of rows.positive) labels[row] = 1;
  const bare = rows.negative.filter((_, index) => negative[index]?.bare);
  const significantHeads = await shareOfHeads(
    { features, rows: rows.positive },
    [
      { features, rows: bare },
      { features: comparison, rows: prompts.compared.map((_, row) => row) },
    ],
    context,
  );
  const mean = Array.from({ length: depth }, (_, layer) => features.meanAttention(layer, rows.positive));
  const soft = Array.from({ length: depth }, (_, layer) =>
    minMax(Float64Array.from(labels, (label, row) => (label === 0 ? 0 : features.attentionOf(layer, row)))),
  );
  const token = selected.chosen.map((candidate) => prompts.offsets[candidate] as number);
  return {
    n,
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
      ...contrastRecord(contrastOf(context)),
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

/** [L][N] to six digits: the record stays short. */
const recorded = (map: AttentionMap): number[][] =>
  Array.from({ length: map.layers }, (_, layer) =>
    Array.from(map.row(layer), (x) => Number(x.toPrecision(6))),
  );

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
  stated: HeadRows,
  bare: readonly HeadRows[],
  { model, seed, signal }: RecipeContext,
): Promise<number[]> {
  const { layers, heads } = model.engine.shape;
  const test = new PermutationTest(
    stated.rows.length,
    bare.reduce((sum, { rows }) => sum + rows.length, 0),
    seed,
  );
  const groups = [stated, ...bare];
  const yieldIfDue = periodicYield(signal);
  const shares: number[] = [];
  for (let layer = 0; layer < layers; layer++) {
    let significant = 0;
    for (let head = layer * heads; head < (layer + 1) * heads; head++) {
      const values = groups.flatMap(({ features, rows }) => {
        const ofHead = features.heads[head] as Float64Array;
        return rows.map((row) => ofHead[row] as number);
      });
      if (test.p(Float64Array.from(values)) < significanceLevel) significant++;
      await yieldIfDue();
    }
    shares.push(significant / heads);
  }
  return shares;
}

/** Some rows of what was read. */
interface HeadRows {
  readonly features: ChosenFeatures;
  readonly rows: readonly number[];
}
