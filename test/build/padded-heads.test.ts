/**
 * Attention heads of sizes that the operator does not take: the graph, whose heads have zeros between, computes what the model's
 * definition gives, written out here in plain loops over doubles. Heads of 16, which need no zeros, hold the definition to the graph.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildModel } from '../../src/build/build-model.js';
import { headLayout } from '../../src/build/description/head-layout.js';
import type { Checkpoint, CheckpointTensor } from '../../src/checkpoint/checkpoint.js';
import { Random } from '../../src/common/random.js';
import { folder, logitsOf } from '../helpers/built-models.js';

const [hidden, intermediate, vocabulary, layers, heads, kvHeads] = [32, 48, 40, 2, 4, 2] as const;
const epsilon = 1e-5;
const theta = 10_000;

interface Case {
  readonly type: 'llama' | 'qwen2' | 'qwen3' | 'olmo2' | 'phi3';
  readonly headDim: number;
  readonly share?: number;
}

type Matrices = ReadonlyMap<string, { readonly shape: readonly number[]; readonly values: Float32Array }>;

function weightsOf({ type, headDim }: Case): Matrices {
  const random = new Random(headDim);
  const made = new Map<string, { shape: number[]; values: Float32Array }>();
  const add = (name: string, shape: number[], mean = 0) => {
    const size = shape.reduce((product, one) => product * one, 1);
    const spread = shape.length > 1 ? 0.6 : 0.3;
    made.set(name, {
      shape,
      values: Float32Array.from({ length: size }, () => mean + (random.uniform() - 0.5) * spread),
    });
  };
  add('model.embed_tokens.weight', [vocabulary, hidden]);
  add('model.norm.weight', [hidden], 1);
  const widths = { q: heads * headDim, k: kvHeads * headDim, v: kvHeads * headDim };
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    const norms = type === 'olmo2' ? ['post_attention', 'post_feedforward'] : ['input', 'post_attention'];
    for (const norm of norms) add(`${at}.${norm}_layernorm.weight`, [hidden], 1);
    if (type === 'phi3') add(`${at}.self_attn.qkv_proj.weight`, [widths.q + 2 * widths.k, hidden]);
    else
      for (const part of ['q', 'k', 'v'] as const)
        add(`${at}.self_attn.${part}_proj.weight`, [widths[part], hidden]);
    if (type === 'qwen2')
      for (const part of ['q', 'k', 'v'] as const) add(`${at}.self_attn.${part}_proj.bias`, [widths[part]]);
    if (type === 'qwen3')
      for (const part of ['q', 'k']) add(`${at}.self_attn.${part}_norm.weight`, [headDim], 1);
    if (type === 'olmo2')
      for (const part of ['q', 'k'] as const) add(`${at}.self_attn.${part}_norm.weight`, [widths[part]], 1);
    add(`${at}.self_attn.o_proj.weight`, [hidden, widths.q]);
    if (type === 'phi3') add(`${at}.mlp.gate_up_proj.weight`, [2 * intermediate, hidden]);
    else for (const part of ['gate', 'up']) add(`${at}.mlp.${part}_proj.weight`, [intermediate, hidden]);
    add(`${at}.mlp.down_proj.weight`, [hidden, intermediate]);
  }
  return made;
}

function checkpointOf({ type, headDim, share }: Case, weights: Matrices): Checkpoint {
  const tensors = [...weights].map(([name, { shape, values }]): [string, CheckpointTensor] => {
    const width = shape.length < 2 ? values.length : (shape[1] ?? 0);
    const rows = async (first: number, count: number) => values.slice(first * width, (first + count) * width);
    return [
      name,
      {
        name,
        shape,
        type: 'F32',
        rows,
        raw: async (...range) => new Uint8Array((await rows(...range)).buffer),
      },
    ];
  });
  const config = {
    ...{ model_type: type, hidden_size: hidden, intermediate_size: intermediate, num_hidden_layers: layers },
    ...{ num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim, rms_norm_eps: epsilon },
    ...{ rope_theta: theta, max_position_embeddings: 64, tie_word_embeddings: true },
    ...(share !== undefined && { partial_rotary_factor: share }),
  };
  return {
    format: 'safetensors',
    config,
    tensors: new Map(tensors),
    files: new Map(),
    sources: [],
    close: async () => {},
  };
}

/** Logits [S, V] by the definition. */
function defined(
  { type, headDim, share = 1 }: Case,
  weights: Matrices,
  tokens: readonly number[],
): number[][] {
  const tensor = (name: string) => weights.get(name)?.values;
  const needed = (name: string) => tensor(name) ?? assert.fail(name);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>, from = 0) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[from + i] ?? 0);
    return sum;
  };
  const times = (name: string, x: readonly number[], first: number, count: number) =>
    Array.from({ length: count }, (_, i) => dot(x, needed(name), (first + i) * x.length));
  const normed = (x: readonly number[], weight: Float32Array) => {
    const root = Math.sqrt(dot(x, x) / x.length + epsilon);
    return x.map((value, i) => (value / root) * (weight[i] ?? 0));
  };
  const half = Math.floor(headDim * share) / 2;
  const turned = (x: readonly number[], position: number) =>
    x.map((value, i) => {
      if (i >= 2 * half) return value;
      const angle = position * theta ** (-(i % half) / half);
      const other = i < half ? -(x[i + half] ?? 0) : (x[i - half] ?? 0);
      return value * Math.cos(angle) + other * Math.sin(angle);
    });
  const chunks = (x: readonly number[]) =>
    Array.from({ length: x.length / headDim }, (_, i) => x.slice(i * headDim, (i + 1) * headDim));
  const plus = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value + (b[i] ?? 0));

  let stream = tokens.map((token) => [
    ...needed('model.embed_tokens.weight').slice(token * hidden, (token + 1) * hidden),
  ]);
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    const norm = (name: string, x: readonly number[]) => normed(x, needed(`${at}.${name}_layernorm.weight`));
    const [q, k] = [heads * headDim, kvHeads * headDim];
    const projected = stream.map((x, position) => {
      const input = type === 'olmo2' ? x : norm('input', x);
      const part = (name: 'q' | 'k' | 'v') => {
        const packed = `${at}.self_attn.qkv_proj.weight`;
        const count = name === 'q' ? q : k;
        const y = weights.has(packed)
          ? times(packed, input, { q: 0, k: q, v: q + k }[name], count)
          : times(`${at}.self_attn.${name}_proj.weight`, input, 0, count);
        const bias = tensor(`${at}.self_attn.${name}_proj.bias`);
        const biased = bias ? plus(y, [...bias]) : y;
        const weight = name === 'v' ? undefined : tensor(`${at}.self_attn.${name}_norm.weight`);
        const wide = weight && type === 'olmo2' ? normed(biased, weight) : biased;
        const each = chunks(wide).map((head) => (weight && type === 'qwen3' ? normed(head, weight) : head));
        return name === 'v' ? each : each.map((head) => turned(head, position));
      };
      return { q: part('q'), k: part('k'), v: part('v') };
    });
    stream = stream.map((x, position) => {
      const mixed = Array.from({ length: heads }, (_, head) => {
        const shared = Math.floor(head / (heads / kvHeads));
        const past = projected.slice(0, position + 1);
        const scores = past.map(
          (one) => dot(projected[position]?.q[head] ?? [], one.k[shared] ?? []) / Math.sqrt(headDim),
        );
        const exponents = scores.map((score) => Math.exp(score - Math.max(...scores)));
        const sum = exponents.reduce((total, one) => total + one, 0);
        return past.reduce(
          (total, one, i) =>
            plus(
              total,
              (one.v[shared] ?? []).map((value) => (value * (exponents[i] ?? 0)) / sum),
            ),
          new Array<number>(headDim).fill(0),
        );
      });
      const attended = times(`${at}.self_attn.o_proj.weight`, mixed.flat(), 0, hidden);
      const after = plus(x, type === 'olmo2' ? norm('post_attention', attended) : attended);
      const input = type === 'olmo2' ? after : norm('post_attention', after);
      const packed = `${at}.mlp.gate_up_proj.weight`;
      const [gate, up] = weights.has(packed)
        ? [times(packed, input, 0, intermediate), times(packed, input, intermediate, intermediate)]
        : [
            times(`${at}.mlp.gate_proj.weight`, input, 0, intermediate),
            times(`${at}.mlp.up_proj.weight`, input, 0, intermediate),
          ];
      const inner = gate.map((value, i) => (value / (1 + Math.exp(-value))) * (up[i] ?? 0));
      const thought = times(`${at}.mlp.down_proj.weight`, inner, 0, hidden);
      return plus(after, type === 'olmo2' ? norm('post_feedforward', thought) : thought);
    });
  }
  return stream.map((x) =>
    times('model.embed_tokens.weight', normed(x, needed('model.norm.weight')), 0, vocabulary),
  );
}

const tokens = [3, 17, 39, 0, 8, 8, 21, 30, 5, 12, 1, 25];

/** The largest difference of a logit between the graph as it is built and the definition. */
async function differenceOf(one: Case, precision: 'fp32' | 'int8' = 'fp32'): Promise<number> {
  const weights = weightsOf(one);
  const out = await folder();
  const checkpoint = checkpointOf(one, weights);
  await buildModel({
    checkpoint,
    precision,
    out,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
  writeFileSync(join(out, 'config.json'), JSON.stringify(checkpoint.config));
  const logits = await logitsOf(out, tokens);
  const wanted = defined(one, weights, tokens).flat();
  assert.equal(logits.length, wanted.length);
  return Math.max(...wanted.map((value, i) => Math.abs(value - (logits[i] ?? 0))));
}

test('heads of other sizes than the operator takes give the logits of the definition', async () => {
  const cases: readonly Case[] = [
    { type: 'llama', headDim: 16 },
    { type: 'llama', headDim: 8 },
    { type: 'llama', headDim: 20 },
    { type: 'llama', headDim: 100 },
    { type: 'qwen2', headDim: 24 },
    { type: 'qwen3', headDim: 12 },
    { type: 'olmo2', headDim: 24 },
    { type: 'phi3', headDim: 24 },
    { type: 'phi3', headDim: 16, share: 0.75 },
    { type: 'phi3', headDim: 80, share: 0.25 },
  ];
  for (const one of cases) {
    const difference = await differenceOf(one);
    assert.ok(difference < 2e-5, `${JSON.stringify(one)}: ${difference}`);
  }
  const [wide, padded] = [
    await differenceOf({ type: 'llama', headDim: 16 }, 'int8'),
    await differenceOf({ type: 'llama', headDim: 20 }, 'int8'),
  ];
  assert.ok(padded < 3 * wide, `${padded} and ${wide}`);
});

test('the places of a head’s numbers are all different, halves of what is rotated stay apart by half, and enough is enough', () => {
  for (let given = 2; given <= 160; given += 2)
    for (let rotated = 2; rotated <= given; rotated += 2) {
      const { places, padded } = headLayout(given, rotated);
      assert.equal(new Set(places).size, given);
      assert.ok(padded % 16 === 0 && Math.max(...places) < padded);
      const half = (places[rotated / 2] ?? 0) - (places[0] ?? 0);
      assert.ok(half % 8 === 0 && 2 * half <= padded);
      for (let i = 0; i < rotated / 2; i++)
        assert.equal((places[i + rotated / 2] ?? 0) - (places[i] ?? 0), half);
      if (given % 16 === 0 && rotated % 16 === 0) assert.deepEqual(places, [...places.keys()]);
      assert.ok(padded - given < 32);
    }
});
