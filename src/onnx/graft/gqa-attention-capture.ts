/**
 * Captures attention from chosen positions to a span of keys for com.microsoft.GroupQueryAttention, which does not give
 * its probabilities out. They are recomputed from the graph's q and k: rotary embedding of q as the kernel does it,
 * softmax(scale q k') over the keys that each position may attend to, and the sum over the keys [span_start, span_end).
 */

import type { LayerCache } from '../find/residual-stream.js';
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import { attributeOf } from '../graph/node.js';
import type { NodeProto } from '../schema/onnx_pb.js';

/** Inputs of GroupQueryAttention, by position. */
const gqa = { query: 0, key: 1, seqlens: 5, cos: 7, sin: 8, positionIds: 9, bias: 10, sink: 11 } as const;
const hugeNegative = -3.0e38;
const toTheEnd = Number.MAX_SAFE_INTEGER;

export class GqaAttentionCapture {
  // Nodes that layers share, by the names of the tensors they depend on.
  readonly #masks = new Map<string, { visible: string; inSpan: string }>();
  readonly #positions = new Map<string, string>();

  constructor(readonly graph: Graph) {}

  /**
   * Adds the nodes for one layer.
   * @returns the name of the captured attention, float32 [B, heads, P], and the number of heads
   * @throws OnnxError for an attention node whose probabilities cannot be recomputed
   */
  layer(cache: LayerCache, layer: number): { attention: string; heads: number } {
    const { graph } = this;
    const node = graph.producer(cache.presentKey);
    if (node?.opType !== 'GroupQueryAttention')
      throw new OnnxError(
        `layer ${layer}: attention is ${node?.opType ?? 'missing'}; the capture graft reads GroupQueryAttention`,
      );
    for (const [what, input] of [
      ['an attention bias', gqa.bias],
      ['head sinks', gqa.sink],
    ] as const)
      if (node.input[input])
        throw new OnnxError(`layer ${layer}: GroupQueryAttention with ${what} cannot be captured`);
    if (attributeOf(node, 'smooth_softmax') === 1)
      throw new OnnxError(`layer ${layer}: GroupQueryAttention with smooth softmax cannot be captured`);

    const name = (part: string) => `steerd/capture_${layer}/${part}`;
    const heads = attributeOf(node, 'num_heads') ?? 0;
    const kvHeads = attributeOf(node, 'kv_num_heads') ?? 0;
    const positions = this.#cachePositions(node);
    const query = this.#query(node, name, heads, kvHeads, this.#rotaryPositions(node, positions));
    const grouped = graph.add('Reshape', [query, graph.int64([0, kvHeads, -1, 0])], name('query_grouped'));
    const keys = this.#float(cache.presentKey, name('keys'));
    const columns = graph.add('Transpose', [keys], name('key_columns'), { perm: [0, 1, 3, 2] });
    const raw = graph.add('MatMul', [grouped, columns], name('scores_grouped'));
    const scores = graph.add('Reshape', [raw, graph.int64([0, heads, -1, 0])], name('scores'));
    const scaled = this.#scale(node, scores, query, name);

    const window = attributeOf(node, 'local_window_size') ?? -1;
    const { visible, inSpan } = this.#mask(keys, positions, window, layer);
    const masked = graph.add('Where', [visible, scaled, graph.float32(hugeNegative)], name('masked'));
    const probabilities = graph.add('Softmax', [masked], name('probabilities'), { axis: -1 });
    const within = graph.add('Where', [inSpan, probabilities, graph.float32(0)], name('within_span'));
    return {
      attention: graph.add('ReduceSum', [within, graph.int64([-1])], name('attention'), { keepdims: 0 }),
      heads,
    };
  }

  #float(tensor: string, name: string): string {
    return this.graph.add('Cast', [tensor], name, { to: dataTypes.float32 });
  }

  /** q at the captured positions, with its rotary embedding: float32 [B, heads, P, D]. */
  #query(
    node: NodeProto,
    name: (part: string) => string,
    heads: number,
    kvHeads: number,
    positions: string,
  ): string {
    const { graph } = this;
    const picked = graph.add(
      'GatherND',
      [node.input[gqa.query] ?? '', this.#indices()],
      name('query_picked'),
      {
        batch_dims: 1,
      },
    );
    // Without a key input the query holds q, k and v side by side.
    const packed = !node.input[gqa.key];
    const split = graph.add(
      'Reshape',
      [
        this.#float(picked, name('query_float')),
        graph.int64([0, 0, packed ? heads + 2 * kvHeads : heads, -1]),
      ],
      name('query_heads'),
    );
    const own = packed
      ? graph.add(
          'Slice',
          [split, graph.int64([0]), graph.int64([heads]), graph.int64([2])],
          name('query_own'),
        )
      : split;
    const query = graph.add('Transpose', [own], name('query'), { perm: [0, 2, 1, 3] });
    return attributeOf(node, 'do_rotary') === 1 ? this.#rotate(node, query, positions, name) : query;
  }

  /** Rotary embedding of the first 2 * width(cos) dimensions (GroupQueryAttention's do_rotary). */
  #rotate(node: NodeProto, query: string, positions: string, name: (part: string) => string): string {
    const { graph } = this;
    const cache = (input: number, part: string) =>
      graph.add(
        'Unsqueeze',
        [
          graph.add(
            'Gather',
            [this.#float(node.input[input] ?? '', name(`${part}_float`)), positions],
            name(`${part}_rows`),
            {
              axis: 0,
            },
          ),
          graph.int64([1]),
        ],
        name(part),
      );
    const cos = cache(gqa.cos, 'cos');
    const sin = cache(gqa.sin, 'sin');
    const shape = graph.add('Shape', [cos], name('cos_shape'));
    const half = graph.add(
      'Slice',
      [shape, graph.int64([3]), graph.int64([4]), graph.int64([0])],
      name('rotary_half'),
    );
    const full = graph.add('Add', [half, half], name('rotary_width'));
    const cut = (from: string, to: string, step: number, part: string) =>
      graph.add('Slice', [query, from, to, graph.int64([3]), graph.int64([step])], name(part));
    const interleaved = attributeOf(node, 'rotary_interleaved') === 1;
    const zero = graph.int64([0]);
    const x = interleaved ? cut(zero, full, 2, 'rotary_x') : cut(zero, half, 1, 'rotary_x');
    const y = interleaved ? cut(graph.int64([1]), full, 2, 'rotary_y') : cut(half, full, 1, 'rotary_y');
    const rest = cut(full, graph.int64([toTheEnd]), 1, 'rotary_rest');
    const times = (a: string, b: string, part: string) => graph.add('Mul', [a, b], name(part));
    const rotatedX = graph.add('Sub', [times(x, cos, 'x_cos'), times(y, sin, 'y_sin')], name('rotated_x'));
    const rotatedY = graph.add('Add', [times(y, cos, 'y_cos'), times(x, sin, 'x_sin')], name('rotated_y'));
    if (!interleaved) return graph.add('Concat', [rotatedX, rotatedY, rest], name('rotated'), { axis: 3 });
    const last = graph.int64([-1]);
    const pair = [rotatedX, rotatedY].map((tensor) =>
      graph.add('Unsqueeze', [tensor, last], `${tensor}_pair`),
    );
    const pairs = graph.add('Concat', pair, name('rotated_pairs'), { axis: 4 });
    const flat = graph.add('Reshape', [pairs, graph.int64([0, 0, 0, -1])], name('rotated_flat'));
    return graph.add('Concat', [flat, rest], name('rotated'), { axis: 3 });
  }

  /** The scores multiplied by the scale, 1 / sqrt(D) unless the node has one, and softcapped if the node says so. */
  #scale(node: NodeProto, scores: string, query: string, name: (part: string) => string): string {
    const { graph } = this;
    const scale = attributeOf(node, 'scale') ?? 0;
    let scaled: string;
    if (scale !== 0) scaled = graph.add('Mul', [scores, graph.float32(scale)], name('scaled'));
    else {
      const shape = graph.add('Shape', [query], name('query_shape'));
      const width = graph.add('Gather', [shape, graph.int64(3)], name('head_width'));
      const root = graph.add('Sqrt', [this.#float(width, name('head_width_float'))], name('head_root'));
      scaled = graph.add('Div', [scores, root], name('scaled'));
    }
    const softcap = attributeOf(node, 'softcap') ?? 0;
    if (softcap === 0) return scaled;
    const cap = graph.float32(softcap);
    const tanh = graph.add('Tanh', [graph.add('Div', [scaled, cap], name('uncapped'))], name('bent'));
    return graph.add('Mul', [tanh, cap], name('capped'));
  }

  /** capture_positions as GatherND indices [B, P, 1]. */
  #indices(): string {
    const name = 'steerd/capture_indices';
    if (!this.graph.producer(name))
      this.graph.add('Unsqueeze', ['capture_positions', this.graph.int64([-1])], name);
    return name;
  }

  /**
   * The captured positions' places in the KV cache, int64 [B, P]. The kernel counts from max(0, total - S): that is the
   * length of the past for a later chunk, and 0 for a right-padded first prompt.
   */
  #cachePositions(node: NodeProto): string {
    const { graph } = this;
    const key = node.input[gqa.seqlens] ?? '';
    const known = this.#positions.get(key);
    if (known) return known;
    const name = (part: string) => `steerd/capture_positions_${this.#positions.size}/${part}`;
    const last = graph.add('Cast', [key], name('last_key'), { to: dataTypes.int64 });
    const column = graph.add('Reshape', [last, graph.int64([-1, 1])], name('last_key_column'));
    const ids = graph.add('Shape', ['input_ids'], name('ids_shape'));
    const length = graph.add('Gather', [ids, graph.int64(1)], name('length'));
    const total = graph.add('Add', [column, graph.int64(1)], name('total'));
    const past = graph.add(
      'Max',
      [graph.add('Sub', [total, length], name('difference')), graph.int64(0)],
      name('past'),
    );
    const positions = graph.add('Add', ['capture_positions', past], name('absolute'));
    this.#positions.set(key, positions);
    return positions;
  }

  /** Positions for the rotary embedding: the places in the cache, unless the export has position_ids. */
  #rotaryPositions(node: NodeProto, cachePositions: string): string {
    const explicit = node.input[gqa.positionIds];
    if (!explicit) return cachePositions;
    const known = this.#positions.get(explicit);
    if (known) return known;
    const name = `steerd/capture_positions_${this.#positions.size}/rotary`;
    const positions = this.graph.add('GatherND', [explicit, this.#indices()], name, { batch_dims: 1 });
    this.#positions.set(explicit, positions);
    return positions;
  }

  /** Which keys a position may attend to, bool [B, 1, P, T], and which are in the span, bool [B, 1, 1, T]. */
  #mask(keys: string, positions: string, window: number, layer: number): { visible: string; inSpan: string } {
    const { graph } = this;
    const known = this.#masks.get(`${positions} ${window}`);
    if (known) return known;
    const name = (part: string) => `steerd/capture_mask_${layer}/${part}`;
    const shape = graph.add('Shape', [keys], name('keys_shape'));
    const count = graph.add('Gather', [shape, graph.int64(2)], name('key_count'));
    const index = graph.add('Range', [graph.int64(0), count, graph.int64(1)], name('key_index'));
    const at = graph.add('Unsqueeze', [positions, graph.int64([1, 3])], name('position'));
    const causal = graph.add('LessOrEqual', [index, at], name('causal'));
    let visible = causal;
    if (window > 0) {
      const start = graph.add('Sub', [at, graph.int64(window)], name('window_start'));
      const near = graph.add('Greater', [index, start], name('near'));
      visible = graph.add('And', [causal, near], name('visible'));
    }
    const edge = (input: string) => graph.add('Unsqueeze', [input, graph.int64([1, 2, 3])], name(input));
    const inSpan = graph.add(
      'And',
      [
        graph.add('GreaterOrEqual', [index, edge('span_start')], name('after_start')),
        graph.add('Less', [index, edge('span_end')], name('before_end')),
      ],
      name('in_span'),
    );
    const mask = { visible, inSpan };
    this.#masks.set(`${positions} ${window}`, mask);
    return mask;
  }
}
