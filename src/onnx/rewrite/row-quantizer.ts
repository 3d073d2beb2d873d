/**
 * Adds the nodes that quantise each row of activations by itself, to uint8 levels around a middle one and one scale. They are few,
 * because for a single row each costs more than what it computes: what depends on the number of rows alone is shared.
 */
import { create } from '@bufbuild/protobuf';
import type { ProductGroup } from '../find/column-products.js';
import { LeadingSizes } from '../find/leading-sizes.js';
import { dataTypes } from '../graph/data-types.js';
import type { Graph } from '../graph/graph.js';
import { TensorProtoSchema } from '../schema/onnx_pb.js';

/** How a group's activations are quantised. */
export interface GroupForm {
  /** Of each channel, what its activation is multiplied by first. Null for ones. */
  readonly factors: Float32Array | null;
  /** The channels that come once more behind the others, one of them several times perhaps. */
  readonly repeated: readonly number[];
}

/** What flat rows share is shared by all. */
const flatRoot = 'steerd/flat_rows';

interface Rows {
  /** uint8 [.., k + repeated] */
  readonly levels: string;
  /** float32 [.., 1] */
  readonly scale: string;
}

/** What rows of the same leading sizes share. */
interface Shared {
  /** uint8 [rows], the middle level of each. */
  readonly middles: string;
  /** int64, the leading sizes. */
  readonly leading: string;
  /** int64, the leading sizes and a last one, by that one. */
  readonly shapes: Map<number, string>;
}

export class RowQuantizer {
  /** Scalars. */
  readonly one: string;
  readonly middle: string;
  readonly #share: string;
  readonly #last: string;
  /** By group, what its activations share their leading sizes with. */
  readonly #roots: ReadonlyMap<string, string>;
  readonly #shared = new Map<string, Shared>();

  /**
   * @param groups all that will be quantised: sizes are traced through their products, as long as those are there
   * @param flat tensors whose rows are one axis already (flat-rows.ts)
   * @param largestLevel of an activation: a scale is a row's largest activation by it
   */
  constructor(
    private readonly graph: Graph,
    groups: readonly ProductGroup[],
    private readonly flat: ReadonlySet<string>,
    private readonly largestLevel: number,
  ) {
    this.one = graph.float32(1);
    this.#share = graph.float32(1 / largestLevel);
    this.#last = graph.int64([-1]);
    const sizes = new LeadingSizes(graph);
    this.#roots = new Map(
      groups.map(({ name, input }) => [name, this.flat.has(input) ? flatRoot : sizes.rootOf(input)]),
    );
    const middle = {
      name: 'steerd/middle_level',
      dataType: dataTypes.uint8,
      rawData: Uint8Array.of(largestLevel + 1),
    };
    this.middle = graph.addInitializer(create(TensorProtoSchema, middle));
  }

  /**
   * The group's rows, as many channels more as are repeated.
   * @param last whether these are the rows of the last product, which may be asked for no row at all, and must not make
   *   numbers of what is none: a NaN anywhere in a row then makes its scale NaN, while ReduceMax passes NaN over
   */
  quantize({ name: group, input, k }: ProductGroup, { factors, repeated }: GroupForm, last: boolean): Rows {
    const { graph } = this;
    const name = (part: string) => `${group}/rows/${part}`;
    const root = this.#roots.get(group) ?? input;
    const scaled = factors
      ? graph.add(
          'Mul',
          [this.#asWide(input, k, name), graph.floats(name('factors'), factors)],
          name('scaled'),
        )
      : input;
    const sizes = graph.add('Abs', [scaled], name('sizes'));
    const largest = this.#largestOf(sizes, name, last);
    const scale = graph.add('Mul', [largest, this.#share], name('scale'));
    // QuantizeLinear takes a vector of scales along one axis.
    const scales = graph.add('Reshape', [scale, this.#last], name('flat_scale'));
    const isFlat = this.flat.has(input);
    const flat = isFlat ? scaled : graph.add('Reshape', [scaled, graph.int64([-1, k])], name('flat'));
    const shared = this.#sharedBy(root, input, scales);
    const flatLevels = graph.add('QuantizeLinear', [flat, scales, shared.middles], name('flat_levels'), {
      axis: 0,
    });
    const all =
      repeated.length === 0
        ? flatLevels
        : graph.add(
            'Concat',
            [
              flatLevels,
              graph.add('Gather', [flatLevels, graph.int64(repeated)], name('again'), { axis: 1 }),
            ],
            name('all_levels'),
            { axis: 1 },
          );
    if (isFlat) return { levels: all, scale };
    const shape = this.#shapeOf(shared, root, k + repeated.length);
    // There may be no rows: a 0 then is a size, not a reference to the input's.
    const levels = graph.add('Reshape', [all, shape], name('levels'), { allowzero: 1 });
    if (!last) return { levels, scale };
    // Of no rows, ReduceMax keeps all channels.
    const one = [scales, this.#shapeOf(shared, root, 1)];
    return { levels, scale: graph.add('Reshape', one, name('row_scale'), { allowzero: 1 }) };
  }

  /** ONNX Runtime infers a wrong width of attention whose q, k and v are packed, and then refuses the factors. */
  #asWide(input: string, k: number, name: (part: string) => string): string {
    const attention = ['GroupQueryAttention', 'Concat'].includes(this.graph.producer(input)?.opType ?? '');
    return attention ? this.graph.add('Reshape', [input, this.graph.int64([0, 0, k])], name('wide')) : input;
  }

  #largestOf(sizes: string, name: (part: string) => string, checked: boolean): string {
    const { graph } = this;
    const largest =
      graph.opset >= 18
        ? graph.add('ReduceMax', [sizes, this.#last], name('largest'), { keepdims: 1 })
        : graph.add('ReduceMax', [sizes], name('largest'), { keepdims: 1, axes: [-1] });
    if (!checked) return largest;
    const sum = graph.add('ReduceSum', [sizes, this.#last], name('sum'), { keepdims: 1 });
    const nothing = graph.add('Mul', [sum, graph.float32(0)], name('zero_or_nan'));
    return graph.add('Add', [largest, nothing], name('checked'));
  }

  #shapeOf({ leading, shapes }: Shared, root: string, last: number): string {
    const known = shapes.get(last);
    if (known) return known;
    const name = `${root}/all_rows/shape_${last}`;
    shapes.set(last, this.graph.add('Concat', [leading, this.graph.int64([last])], name, { axis: 0 }));
    return name;
  }

  /** @param input of that root; `scales` of its rows */
  #sharedBy(root: string, input: string, scales: string): Shared {
    const known = this.#shared.get(root);
    if (known) return known;
    const { graph } = this;
    const name = (part: string) => `${root}/all_rows/${part}`;
    const value = create(TensorProtoSchema, {
      dataType: dataTypes.uint8,
      dims: [1n],
      rawData: Uint8Array.of(this.largestLevel + 1),
    });
    const count = graph.add('Shape', [scales], name('count'));
    const sizes = graph.add('Shape', [input], name('sizes'));
    const made = {
      leading: graph.add('Slice', [sizes, graph.int64([0]), this.#last], name('leading')),
      shapes: new Map<number, string>(),
      middles: graph.add('ConstantOfShape', [count], name('middles'), { value }),
    };
    this.#shared.set(root, made);
    return made;
  }
}
