/** Which tensors have the same sizes but for the last one: they can share what is computed of these sizes alone. */
import type { Graph } from '../graph/graph.js';

/** Operators whose first output has the leading sizes of their first input. */
const keepFirst: ReadonlySet<string> = new Set([
  'Cast',
  'Erf',
  'FastGelu',
  'Gelu',
  'GroupQueryAttention',
  'LayerNormalization',
  'MatMulNBits',
  'QuickGelu',
  'Sigmoid',
  'SimplifiedLayerNormalization',
  'Tanh',
]);
/** Norms of a sum, which is their last output: both summands have the same shape. */
const skipNorms: ReadonlySet<string> = new Set([
  'SkipLayerNormalization',
  'SkipSimplifiedLayerNormalization',
]);
/** Operators on two tensors that may be of different shapes: both must be traced to the same one. */
const elementwise: ReadonlySet<string> = new Set(['Add', 'Mul', 'Sub', 'Div']);

export class LeadingSizes {
  readonly #roots = new Map<string, string>();

  constructor(private readonly graph: Graph) {}

  /** A tensor that `tensor` surely shares its leading sizes with: tensors of one root have the same ones. */
  rootOf(tensor: string): string {
    const known = this.#roots.get(tensor);
    if (known !== undefined) return known;
    const root = this.#trace(tensor);
    this.#roots.set(tensor, root);
    return root;
  }

  #trace(tensor: string): string {
    const node = this.graph.producer(tensor);
    if (!node) return tensor;
    const [first = '', second = ''] = node.input;
    if (skipNorms.has(node.opType)) return this.rootOf(first);
    if (keepFirst.has(node.opType)) return tensor === node.output[0] ? this.rootOf(first) : tensor;
    if (!elementwise.has(node.opType)) return tensor;
    if (this.graph.isConstant(second)) return this.rootOf(first);
    const root = this.rootOf(first);
    return root === this.rootOf(second) ? root : tensor;
  }
}
