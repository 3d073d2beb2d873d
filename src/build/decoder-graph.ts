/**
 * Writes the graph of a decoder: attention by GroupQueryAttention with the rotary embedding inside, additions fused with
 * the norm behind them, products in blocks by MatMulNBits. Inputs, outputs and the order of nodes are those of
 * onnxruntime-genai's exports, which the grafts and the loader serve best.
 */
import { dataTypes } from '../onnx/graph/data-types.js';
import type { ModelProto } from '../onnx/schema/onnx_pb.js';
import type { CheckpointWeights } from './checkpoint-weights.js';
import { embeddingName, headName } from './describe.js';
import type { Decoder, Precision } from './description/decoder.js';
import { type BiasPart, GraphParts, microsoft, whole } from './graph-parts.js';
import { rotaryRows } from './rotary-rows.js';
import type { MatrixForm, RowRange, WeightPlan } from './weight-plan.js';

export interface BuiltGraph {
  readonly model: ModelProto;
  readonly plan: WeightPlan;
}

/** @throws SteerdError checkpoint_invalid for a tensor that is missing or has another shape */
export function decoderGraph(decoder: Decoder, weights: CheckpointWeights, precision: Precision): BuiltGraph {
  const writer = new GraphWriter(decoder, weights, precision);
  writer.write();
  return { model: writer.graph.model, plan: writer.plan };
}

interface Residual {
  /** The residual stream. */
  readonly stream: string;
  /** What has yet to be added to it; null for nothing. */
  readonly added: string | null;
}

const headParts = ['q', 'k', 'v'] as const;
type HeadPart = (typeof headParts)[number];

class GraphWriter extends GraphParts {
  write(): void {
    const { decoder } = this;
    this.#inputs();
    const lengths = this.#lengths();
    for (const [name, table] of decoder.rotary)
      for (const [kind, values] of rotaryRows(table))
        this.plan.table(`${kind}_${name}`, [table.positions, table.frequencies.length], values);
    const { embedded, head } = this.embedding();
    let residual: Residual = { stream: embedded, added: null };
    decoder.blocks.forEach((_, layer) => {
      residual = this.#block(layer, residual, lengths);
    });
    const { normed } = this.#join(residual, 'model.norm', 'final_norm');
    this.#logits(head(normed ?? residual.stream));
    for (const stored of this.plan.stored) this.declare(stored);
  }

  #inputs(): void {
    const { graph, decoder } = this;
    graph.addInput('input_ids', dataTypes.int64, ['batch_size', 'sequence_length']);
    graph.addInput('attention_mask', dataTypes.int64, ['batch_size', 'total_sequence_length']);
    const shape = (length: string) => ['batch_size', `${decoder.kvHeads}`, length, `${decoder.headDim}`];
    decoder.blocks.forEach((_, layer) => {
      for (const part of ['key', 'value'])
        graph.addInput(`past_key_values.${layer}.${part}`, this.floatType, shape('past_sequence_length'));
    });
    graph.addOutput('logits', this.floatType, ['batch_size', 'sequence_length', `${this.#vocabulary}`]);
    decoder.blocks.forEach((_, layer) => {
      for (const part of ['key', 'value'])
        graph.addOutput(`present.${layer}.${part}`, this.floatType, shape('total_sequence_length'));
    });
  }

  get #vocabulary(): number {
    const name = this.decoder.tied ? embeddingName : headName;
    return this.weights.get(name, [-1, this.decoder.hidden]).shape[0] ?? 0;
  }

  /** Of each row the last key's place, and the length of the longest row: what GroupQueryAttention counts by. */
  #lengths(): { last: string; total: string } {
    const { graph } = this;
    const sum = graph.add('ReduceSum', ['attention_mask', graph.int64([1])], 'attention_sum', {
      keepdims: 0,
    });
    const last = graph.add('Sub', [sum, graph.int64([1])], 'last_key_wide');
    const shape = graph.add('Shape', ['attention_mask'], 'attention_shape');
    const total = graph.add('Gather', [shape, graph.int64(1)], 'total_length_wide', { axis: 0 });
    return {
      last: graph.add('Cast', [last], 'last_key', { to: dataTypes.int32 }),
      total: graph.add('Cast', [total], 'total_length', { to: dataTypes.int32 }),
    };
  }

  #block(layer: number, before: Residual, lengths: { last: string; total: string }): Residual {
    const { decoder } = this;
    const { norms } = decoder;
    const at = `model.layers.${layer}`;
    const norm = (name: string | null) => (name === null ? null : `${at}.${name}`);
    const entering = this.#join(before, norm(norms.beforeAttention), `${at}/attention_input`);
    const attended = this.#attention(layer, entering.normed ?? entering.stream, lengths);
    const added = this.#leave(attended, norm(norms.afterAttention), `${at}/attention`);
    const middle = this.#join({ stream: entering.stream, added }, norm(norms.beforeMlp), `${at}/mlp_input`);
    const thought = this.#mlp(layer, middle.normed ?? middle.stream);
    return { stream: middle.stream, added: this.#leave(thought, norm(norms.afterMlp), `${at}/mlp`) };
  }

  /** Adds what is to be added, and normalises the sum if there is a norm. */
  #join(
    { stream, added }: Residual,
    norm: string | null,
    name: string,
  ): { stream: string; normed: string | null } {
    const { graph } = this;
    if (norm === null) {
      const sum = added === null ? stream : graph.add('Add', [stream, added], `${name}_sum`);
      return { stream: sum, normed: null };
    }
    if (added === null)
      return { stream, normed: this.norm(stream, norm, this.decoder.hidden, `${name}_norm`) };
    const [normed, sum] = [`${name}_norm`, `${name}_sum`];
    const weight = this.normWeight(norm, this.decoder.hidden);
    // The last norm's sum has no reader.
    const outputs = name === 'final_norm' ? [normed] : [normed, '', '', sum];
    const epsilon = { float: this.decoder.epsilon };
    graph.addNode(
      'SkipSimplifiedLayerNormalization',
      [stream, added, weight],
      outputs,
      { epsilon },
      microsoft,
    );
    return { stream: sum, normed };
  }

  /** A sublayer's output on its way to the residual stream. */
  #leave(tensor: string, norm: string | null, name: string): string {
    const normed =
      norm === null ? tensor : this.norm(tensor, norm, this.decoder.hidden, `${name}_output_norm`);
    return this.times(normed, this.decoder.residualScale, `${name}_output_scaled`);
  }

  #attention(layer: number, input: string, lengths: { last: string; total: string }): string {
    const { graph, decoder } = this;
    const { heads, kvHeads, headDim, hidden } = decoder;
    const at = `model.layers.${layer}.self_attn`;
    const block = decoder.blocks[layer] ?? { window: 0, rotary: null };
    const inputs = this.#normedHeads(layer, this.#projected(layer, input));
    const tables = block.rotary === null ? ['', ''] : [`cos_${block.rotary}`, `sin_${block.rotary}`];
    const past = ['key', 'value'].map((part) => `past_key_values.${layer}.${part}`);
    const output = `${at}/attended`;
    graph.addNode(
      'GroupQueryAttention',
      [...inputs, ...past, lengths.last, lengths.total, ...tables],
      [output, `present.${layer}.key`, `present.${layer}.value`],
      {
        num_heads: heads,
        kv_num_heads: kvHeads,
        scale: { float: decoder.scoreScale },
        softcap: { float: decoder.scoreCap },
        local_window_size: block.window > 0 ? block.window : -1,
        do_rotary: block.rotary === null ? 0 : 1,
        rotary_interleaved: 0,
      },
      microsoft,
    );
    const own = [this.weights.rows(`${at}.o_proj.weight`, [hidden, heads * headDim])];
    const mixed = this.product(output, `${at}.o_proj`, own, this.#form(), `${at}/output`);
    return this.biased(mixed, `${at}.o_proj`, [whole(`${at}.o_proj.bias`, hidden)], `${at}/output_biased`);
  }

  /** Numbers of a position's queries, keys and values. */
  #widths(): Readonly<Record<HeadPart, number>> {
    const { heads, kvHeads, headDim } = this.decoder;
    return { q: heads * headDim, k: kvHeads * headDim, v: kvHeads * headDim };
  }

  /** Where in the matrix of all three a part lies, for checkpoints that have one. */
  #place(part: HeadPart): { first: number; count: number; all: number } {
    const { q, k, v } = this.#widths();
    return { first: { q: 0, k: q, v: q + k }[part], count: this.#widths()[part], all: q + k + v };
  }

  #headRows(at: string, part: HeadPart): RowRange {
    const { hidden } = this.decoder;
    const { first, count, all } = this.#place(part);
    const packed = `${at}.qkv_proj.weight`;
    if (this.weights.has(packed)) return this.weights.rows(packed, [all, hidden], first, count);
    return this.weights.rows(`${at}.${part}_proj.weight`, [count, hidden]);
  }

  #headBias(at: string, part: HeadPart): BiasPart {
    const { first, count, all } = this.#place(part);
    const packed = `${at}.qkv_proj.bias`;
    if (this.weights.has(packed)) return { name: packed, first, count, all };
    return { name: `${at}.${part}_proj.bias`, first: 0, count, all: count };
  }

  /** Queries, keys and values: one product for all, or one for each where they are stored in different forms. */
  #projected(layer: number, input: string): readonly string[] {
    const at = `model.layers.${layer}.self_attn`;
    if (this.precision !== 'int4') {
      const sources = headParts.map((part) => this.#headRows(at, part));
      const projected = this.product(input, `${at}.qkv_proj`, sources, 'q8', `${at}/qkv`);
      const biases = headParts.map((part) => this.#headBias(at, part));
      return [this.biased(projected, `${at}.qkv_proj`, biases, `${at}/qkv_biased`)];
    }
    return headParts.map((part) => {
      // Few, and read by several heads each: what rounding them to 4 bits costs is out of all proportion.
      const form = part === 'q' ? 'q4' : 'q8';
      const projected = this.product(
        input,
        `${at}.${part}_proj`,
        [this.#headRows(at, part)],
        form,
        `${at}/${part}`,
      );
      return this.biased(projected, `${at}.${part}_proj`, [this.#headBias(at, part)], `${at}/${part}_biased`);
    });
  }
  /** Inputs of GroupQueryAttention: q, k and v side by side, or apart where queries and keys have norms. */
  #normedHeads(layer: number, projected: readonly string[]): readonly string[] {
    const { graph, decoder } = this;
    const { headDim, headNorms } = decoder;
    const [first = '', ...others] = projected;
    if (headNorms === 'none') return others.length > 0 ? projected : [first, '', ''];
    const at = `model.layers.${layer}.self_attn`;
    const widths = headParts.map((part) => this.#widths()[part]);
    const parts = others.length > 0 ? projected : headParts.map((part) => `${at}/${part}`);
    if (others.length === 0) graph.addNode('Split', [first, this.shape(...widths)], [...parts], { axis: -1 });
    return parts.map((tensor, index) => {
      const name = ['q_norm', 'k_norm'][index];
      const width = widths[index] ?? 0;
      if (name === undefined) return tensor;
      if (headNorms === 'width') return this.headNorm(tensor, `${at}.${name}`, width, `${tensor}_normed`);
      const apart = graph.add('Reshape', [tensor, this.shape(0, -1, headDim)], `${tensor}_heads`);
      const normed = this.headNorm(apart, `${at}.${name}`, headDim, `${tensor}_heads_normed`);
      return graph.add('Reshape', [normed, this.shape(0, -1, width)], `${tensor}_normed`);
    });
  }

  #mlp(layer: number, input: string): string {
    const { graph, decoder, weights } = this;
    const { hidden, intermediate } = decoder;
    const at = `model.layers.${layer}.mlp`;
    const packed = `${at}.gate_up_proj.weight`;
    const half = (part: 'gate' | 'up'): RowRange =>
      weights.has(packed)
        ? weights.rows(packed, [2 * intermediate, hidden], part === 'up' ? intermediate : 0, intermediate)
        : weights.rows(`${at}.${part}_proj.weight`, [intermediate, hidden]);
    const projected = (['gate', 'up'] as const).map((part) => {
      const made = this.product(input, `${at}.${part}_proj`, [half(part)], this.#form(), `${at}/${part}`);
      return this.biased(
        made,
        `${at}.${part}_proj`,
        [whole(`${at}.${part}_proj.bias`, intermediate)],
        `${at}/${part}_biased`,
      );
    });
    const [gate = '', up = ''] = projected;
    const inner = graph.add('Mul', [this.activated(gate, at), up], `${at}/inner`);
    const own = [weights.rows(`${at}.down_proj.weight`, [hidden, intermediate])];
    const down = this.product(inner, `${at}.down_proj`, own, this.#form(layer), `${at}/down`);
    return this.biased(down, `${at}.down_proj`, [whole(`${at}.down_proj.bias`, hidden)], `${at}/down_biased`);
  }

  #logits(tensor: string): void {
    const { graph, decoder } = this;
    const { logitsCap: cap, logitsDivisor } = decoder;
    const divided =
      logitsDivisor === 1 ? tensor : graph.add('Div', [tensor, this.scalar(logitsDivisor)], 'head_divided');
    if (cap > 0) {
      const bent = graph.add(
        'Tanh',
        [graph.add('Div', [divided, this.scalar(cap)], 'head_uncapped')],
        'head_bent',
      );
      graph.add('Mul', [bent, this.scalar(cap)], 'logits');
      return;
    }
    const node = graph.producer(divided);
    if (node) graph.renameOutput(node, 0, 'logits');
  }

  /**
   * The form of a matrix in 4 bits: of those that errors show most in, some stay at 8. Those are keys and values, and the
   * MLP's last matrix in the first and last eighth of the layers and every third between, as llama.cpp's mixtures have it.
   * @param layer of an MLP's last matrix
   */
  #form(layer = -1): MatrixForm {
    if (this.precision !== 'int4') return 'q8';
    const layers = this.decoder.blocks.length;
    const eighth = Math.floor(layers / 8);
    const chosen = layer < eighth || layer >= layers - eighth || (layer - eighth) % 3 === 2;
    return layer >= 0 && chosen ? 'q8' : 'q4';
  }
}
