/** An export whose attention is written out is served as its rewrite when, and only when, the two compute the same. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openKvCache } from '../../../src/engine/kv/open-kv-cache.js';
import {
  checkRewrite,
  NotRewritten,
  planRewrite,
  rewriteError,
} from '../../../src/engine/load/attention-rewrite.js';
import { type LoadedGraphs, loadGraphs } from '../../../src/engine/load/loaded-graphs.js';
import { type ModelSpec, readModelSpec } from '../../../src/engine/model-spec.js';
import { ServingRunner } from '../../../src/engine/run/serving-runner.js';
import { graftForServing } from '../../../src/onnx/graft/serving-graft.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { serializeModel } from '../../../src/onnx/graph/model-file.js';
import { exposeMasks } from '../../../src/onnx/rewrite/exposed-masks.js';
import { groupAttention } from '../../../src/onnx/rewrite/grouped-attention.js';
import type { ModelProto, NodeProto } from '../../../src/onnx/schema/onnx_pb.js';
import { RunOptions } from '../../../src/ort/binding.js';
import { Session } from '../../../src/ort/session.js';
import { request, startEngine, tokens } from '../../helpers/engine.js';
import { goldensOf } from '../../helpers/families.js';
import { largestDifference, upTo } from '../../helpers/run-graph.js';
import { edited, fixture, rescored, unrewritable, written } from '../../helpers/written-attention.js';

const capacity = 48;
const hidden = -1e9;
let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steerd-rewrite-'));
});
after(() => rm(folder, { recursive: true }));

async function load(name: string, model: ModelProto, slotLength = capacity): Promise<LoadedGraphs> {
  return loadGraphs(await folderOf(name, model), 1, undefined, 'auto', slotLength);
}

async function folderOf(name: string, model: ModelProto): Promise<string> {
  const directory = join(folder, name.replaceAll(' ', '-'));
  await mkdir(directory);
  await copyFile(join(written, 'config.json'), join(directory, 'config.json'));
  await writeFile(join(directory, 'model.onnx'), serializeModel(model));
  return directory;
}

function openServing(model: ModelProto): Promise<Session> {
  const graft = serializeModel(graftForServing(model, { floatLogits: true }));
  return Session.create(graft, { threads: 1, weightsDirectory: written, spinning: false });
}

/** Logits of a text longer than the window, read in pieces. */
async function logitsOf(session: Session, spec: ModelSpec): Promise<number[]> {
  const options = new RunOptions();
  const cache = await openKvCache(spec, session, 1, capacity);
  const runner = new ServingRunner(session, cache, options);
  const text = upTo(30).map((i) => (11 * i + 5) % spec.vocabularySize);
  const logits = [0, 12, 13, 20].flatMap((from, i, starts) => {
    const piece = text.slice(from, starts[i + 1] ?? text.length);
    return [...runner.chunk(0, piece, from, [], piece.length).logits];
  });
  runner.release();
  cache.release();
  options.release();
  return logits;
}

/** Other ways to write the mask and the scores. */
const same: Record<string, ModelProto> = {
  'the export': edited(() => {}),
  'a mask of what is seen': rescored((graph, { scores, mask, name }) => {
    const seen = graph.add('Equal', [mask, graph.float32(0)], `${name}/seen`);
    return graph.add('Where', [seen, scores, graph.float32(hidden)], `${name}/where`);
  }),
  'a mask of what is hidden': rescored((graph, { scores, mask, name }) => {
    const unseen = graph.add('Less', [mask, graph.float32(-1)], `${name}/unseen`);
    return graph.add('Where', [unseen, graph.float32(hidden), scores], `${name}/where`);
  }),
  'two masks': rescored((graph, { scores, mask, name }) =>
    graph.add('Add', [graph.add('Add', [mask, scores], `${name}/once`), mask], `${name}/twice`),
  ),
  'scores that are divided': rescored((graph, { scores, mask, name }) =>
    graph.add('Add', [graph.add('Div', [scores, graph.float32(3)], `${name}/div`), mask], `${name}/add`),
  ),
  'bounded scores': rescored((graph, { scores, mask, name }) => {
    const quotient = graph.add('Mul', [scores, graph.float32(2)], `${name}/quotient`);
    const bent = graph.add('Tanh', [quotient], `${name}/bent`);
    return graph.add(
      'Add',
      [graph.add('Mul', [graph.float32(0.5), bent], `${name}/bound`), mask],
      `${name}/add`,
    );
  }),
};

for (const [name, model] of Object.entries(same))
  test(`rewritten: ${name}`, async () => {
    const graphs = await load(name, model);
    assert.deepEqual([graphs.spec.kvLayout, graphs.spec.slidingWindow], ['in place', 6], graphs.warnings[0]);
    const exported = await openServing(model);
    const expected = await logitsOf(exported, await readModelSpec(model, written));
    assert.ok(largestDifference(await logitsOf(graphs.serving, graphs.spec), expected) < 1e-4);
    exported.release();
    await graphs.release();
  });

/** Other attentions, which the kernel does not compute. */
const others: Record<string, [ModelProto, RegExp]> = {
  'later keys are seen': [
    rescored((graph, { scores, mask, name }) =>
      graph.add('Add', [scores, graph.add('Mul', [mask, graph.float32(0)], `${name}/none`)], `${name}/add`),
    ),
    /layer 0: its mask is neither causal nor a sliding window/,
  ],
  'keys are weighed': [
    rescored((graph, { scores, mask, name }) =>
      graph.add('Add', [scores, graph.add('Sub', [mask, graph.float32(1)], `${name}/bias`)], `${name}/add`),
    ),
    /layer 0: its mask is neither causal nor a sliding window/,
  ],
  'positions that count from elsewhere': [
    edited((graph) => {
      const start = graph.add('Gather', ['attention_mask', graph.int64([0])], 'test/column', { axis: 1 });
      const shifted = graph.add('Add', ['position_ids', start], 'test/positions');
      const readers = graph
        .consumers('position_ids')
        .filter(({ opType, output }) => opType !== 'Shape' && output[0] !== shifted);
      graph.redirect('position_ids', shifted, readers);
    }),
    /Gather test\/column reads attention_mask beside the attention/,
  ],
};

for (const [name, [model, reason]] of Object.entries(others))
  test(`kept: ${name}`, async () => {
    const graphs = await load(name, model);
    assert.equal(graphs.spec.kvLayout, 'concatenated');
    assert.match(graphs.warnings[0] ?? '', /one sequence at a time/);
    assert.match(graphs.warnings[0] ?? '', reason);
    const exported = await openServing(model);
    const expected = await logitsOf(exported, graphs.spec);
    assert.deepEqual(await logitsOf(graphs.serving, graphs.spec), expected);
    exported.release();
    await graphs.release();
  });

test('kept exports serve many sequences, steered and not, in pieces', async () => {
  const directory = await folderOf('many', unrewritable());
  const golden = goldensOf({ name: 'mistral-optimum' });
  const engine = await startEngine(directory, { slots: 3, capacity, prefillChunk: 4 });
  try {
    assert.match(
      engine.warnings[0] ?? '',
      /one sequence at a time.*Shape test\/past reads past_key_values.0.key/,
    );
    await Promise.all(
      [0, 1].flatMap((row) =>
        [[], golden.edit(row)].map(async (edit) => {
          const expected = golden.ids(`${edit.length > 0 ? 'steered_' : ''}greedy.${row}`);
          assert.deepEqual(await tokens(engine, request(golden.ids(`input_ids.${row}`), { edit })), expected);
        }),
      ),
    );
  } finally {
    await engine.close();
  }
});

test('a window that no slot is long enough to show is none', async () => {
  const graphs = await load(
    'short slots',
    edited(() => {}),
    6,
  );
  assert.deepEqual([graphs.spec.kvLayout, graphs.spec.slidingWindow], ['in place', 0]);
  await graphs.release();
});

describe('a rewrite that computes something else', async () => {
  const { model } = fixture('mistral-optimum');
  const spec = await readModelSpec(model, written);
  const { model: exposed, masks } = exposeMasks(model);
  const session = await openServing(exposed);
  const plan = planRewrite(session, spec, masks, capacity);
  session.release();

  const check = async (
    wrong: Partial<Record<number, (node: NodeProto) => void>>,
    windows: readonly number[] = plan.windows,
  ) => {
    const made = groupAttention(model, spec, windows);
    new Graph(made).proto.node
      .filter(({ opType }) => opType === 'GroupQueryAttention')
      .forEach((node, layer) => {
        wrong[layer]?.(node);
      });
    const rewritten = await openServing(made);
    try {
      const itsSpec = await readModelSpec(made, written);
      checkRewrite(rewritten, itsSpec, plan, { rounds: false });
      return rewriteError(rewritten, itsSpec, plan.expected);
    } finally {
      rewritten.release();
    }
  };

  test('the right one passes, far below the tolerance', async () => {
    assert.deepEqual(plan.windows, [6, 6, 6]);
    assert.ok((await check({})) < 1e-5);
  });

  test('a window one token longer or shorter in one layer', async () => {
    for (const window of [5, 7, 0])
      await assert.rejects(check({}, plan.windows.with(1, window)), NotRewritten, `${window}`);
  });

  test('a scale two hundredths off in one layer', async () => {
    const off = (node: NodeProto) => {
      for (const entry of node.attribute) if (entry.name === 'scale') entry.f = 1.02;
    };
    await assert.rejects(check({ 2: off }), NotRewritten);
  });

  test('keys for values in one layer', async () => {
    const exchange = (node: NodeProto) => {
      const [query = '', key = '', value = '', ...rest] = node.input;
      node.input = [query, value, key, ...rest];
    };
    await assert.rejects(check({ 0: exchange }), NotRewritten);
  });
});
