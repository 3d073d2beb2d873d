/**
 * Recognises attention that an export writes out in elementary nodes: softmax(softcap(scale q k') + mask) v, with past
 * keys and values concatenated, and each key head repeated for its group of query heads. It follows a layer's keys to
 * the scores, and the scores through mask and softmax to the product with the values; any other node on the way is
 * refused.
 */
import type { Graph } from '../graph/graph.js';
import { OnnxError } from '../graph/model-file.js';
import { attributeOf } from '../graph/node.js';
import { scalarOf, vectorOf } from '../graph/small-constants.js';
import type { NodeProto } from '../schema/onnx_pb.js';
import type { LayerCache } from './residual-stream.js';

/** A scalar tensor that the scores are multiplied by, or divided by. */
export interface ScoreFactor {
  readonly tensor: string;
  readonly divides: boolean;
}

interface ScoreMask {
  readonly tensor: string;
  /** Added to the scores; or boolean: true where a key is visible, or true where it is masked. */
  readonly kind: 'added' | 'seen' | 'hidden';
}

export interface WrittenAttention {
  /** [B, heads, S, D], before the factors. */
  readonly query: string;
  /** New keys and values, [B, kv_heads, S, D]. */
  readonly key: string;
  readonly value: string;
  readonly factors: readonly ScoreFactor[];
  /** The c of a softcap, c tanh(scores / c); 0 without one. */
  readonly softcap: number;
  readonly masks: readonly ScoreMask[];
  /** The product of probabilities and values, [B, heads, S, D]. */
  readonly context: string;
}

/** Of keys and values [B, heads, T, D]. */
const tokenAxis = 2;
/** The transposition of keys [B, heads, T, D] to [B, heads, D, T]. */
const columns = '0,1,3,2';
/** A mask's values below this hide a key from any score. */
const hiddenBelow = -1e4;

/** The attention of every layer. @throws OnnxError naming the layer and the node that does not belong there */
export function findWrittenAttention(graph: Graph, caches: readonly LayerCache[]): WrittenAttention[] {
  const varying = graph.descendants(graph.inputs().map(({ name }) => name));
  return caches.map((cache, layer) => new Walk(graph, varying, `layer ${layer}`).attention(cache));
}

/** Walks through one layer's attention. */
class Walk {
  constructor(
    readonly graph: Graph,
    /** Tensors that depend on an input of the graph. */
    readonly varying: ReadonlySet<string>,
    readonly place: string,
  ) {}

  attention(cache: LayerCache): WrittenAttention {
    const key = this.#appended(cache.presentKey, cache.pastKey);
    const value = this.#appended(cache.presentValue, cache.pastValue);
    const factors: ScoreFactor[] = [];
    const product = this.#toProduct(cache.presentKey, factors, 1, true);
    let query = product.input[0] ?? '';
    for (let node = this.graph.producer(query); node; node = this.graph.producer(query)) {
      const scaled = this.#scaled(node);
      if (!scaled) break;
      factors.push(scaled.factor);
      query = scaled.of;
    }
    const { softmax, softcap, masks } = this.#toSoftmax(product.output[0] ?? '', factors);
    const context = this.#toContext(softmax.output[0] ?? '');
    const values = this.#toProduct(cache.presentValue, null, 1, false);
    if (values !== context)
      throw this.#unlike(`its values go into ${values.name}, its probabilities into ${context.name}`);
    return { query, key, value, factors, softcap, masks, context: context.output[0] ?? '' };
  }

  #unlike(why: string): OnnxError {
    return new OnnxError(`${this.place}: ${why}`);
  }

  /** The new keys or values, which the export appends to the past ones. */
  #appended(present: string, past: string): string {
    const node = this.graph.producer(present);
    const [first, added = '', ...more] = node?.input ?? [];
    const axis = node && attributeOf(node, 'axis');
    if (node?.opType !== 'Concat' || first !== past || more.length > 0 || (axis !== tokenAxis && axis !== -2))
      throw this.#unlike(`${present} is not ${past} with new tokens behind it`);
    return added;
  }

  /** The one node that reads the values of a tensor. */
  #reader(tensor: string): NodeProto {
    const readers = this.graph.consumers(tensor).filter(({ opType }) => opType !== 'Shape');
    const [reader] = readers;
    if (!reader || readers.length > 1) throw this.#unlike(`${readers.length} nodes read ${tensor}`);
    return reader;
  }

  /** A product or quotient with a scalar that no input changes; null for any other node. */
  #scaled(node: NodeProto): { factor: ScoreFactor; of: string } | null {
    if (node.opType !== 'Mul' && node.opType !== 'Div') return null;
    const [a = '', b = ''] = node.input;
    const swapped = node.opType === 'Mul' && !this.varying.has(a);
    const [of, tensor] = swapped ? [b, a] : [a, b];
    if (this.varying.has(tensor) || !this.#isScalar(tensor)) return null;
    return { factor: { tensor, divides: node.opType === 'Div' }, of };
  }

  /**
   * A tensor computed from shapes is taken for a scalar such as the head size. Were that wrong, the comparison of the
   * graphs' logits would show it (src/engine/load/attention-rewrite.ts).
   */
  #isScalar(tensor: string): boolean {
    return !this.graph.isConstant(tensor) || scalarOf(this.graph, tensor) !== undefined;
  }

  /**
   * Follows cached keys or values, through their repetition, to the product that has them as input number `index`.
   * @param factors collects the scalars on the way; null allows none
   * @param transposes whether they must be transposed on the way, as keys are
   */
  #toProduct(from: string, factors: ScoreFactor[] | null, index: number, transposes: boolean): NodeProto {
    let at = from;
    let transposed = false;
    for (;;) {
      const node = this.#reader(at);
      const scaled = factors && this.#scaled(node);
      if (scaled) factors.push(scaled.factor);
      else if (node.opType === 'Unsqueeze') {
        this.#checkRepetition(node);
        at = this.#reader(this.#reader(node.output[0] ?? '').output[0] ?? '').output[0] ?? '';
        continue;
      } else if (node.opType === 'Transpose' && transposes && !transposed && permutation(node) === columns)
        transposed = true;
      else if (node.opType === 'MatMul' && node.input[index] === at && transposed === transposes) return node;
      else if (node.opType !== 'Identity') throw this.#unlike(`${node.opType} ${node.name} reads ${at}`);
      at = node.output[0] ?? '';
    }
  }

  /** The repetition of key heads: [B, n, T, D] to [B, n, 1, T, D], then [B, n, r, T, D], then [B, n r, T, D]. */
  #checkRepetition(unsqueeze: NodeProto): void {
    const axes = vectorOf(this.graph, unsqueeze.input[1] ?? '');
    const expand = this.#reader(unsqueeze.output[0] ?? '');
    const reshape = this.#reader(expand.output[0] ?? '');
    if (axes?.join() !== '2' || expand.opType !== 'Expand' || reshape.opType !== 'Reshape')
      throw this.#unlike(`${unsqueeze.name} does not begin a repetition of heads`);
  }

  /** Follows the scores to the softmax; collects factors, softcap and masks on the way. */
  #toSoftmax(scores: string, factors: ScoreFactor[]) {
    const masks: ScoreMask[] = [];
    let softcap = 0;
    let afterTanh = false;
    for (let at = scores; ; ) {
      const node = this.#reader(at);
      const scaled = this.#scaled(node);
      const mask = this.#mask(node, at);
      if (node.opType === 'Softmax') {
        const axis = attributeOf(node, 'axis') ?? -1;
        if (axis !== -1 && axis !== 3) throw this.#unlike(`its softmax goes over axis ${axis}`);
        if (afterTanh && softcap === 0) throw this.#unlike('a tanh bounds its scores to 1');
        return { softmax: node, softcap, masks };
      }
      if (scaled && masks.length === 0 && !afterTanh) factors.push(scaled.factor);
      else if (scaled && masks.length === 0 && softcap === 0) {
        softcap = (!scaled.factor.divides && scalarOf(this.graph, scaled.factor.tensor)) || 0;
        // In c tanh(scores / c), the division by c is among the factors so far; multiplying by c cancels it.
        factors.push(scaled.factor);
      } else if (node.opType === 'Tanh' && masks.length === 0 && !afterTanh) afterTanh = true;
      else if (mask) masks.push(mask);
      else if (node.opType !== 'Cast' && node.opType !== 'Identity')
        throw this.#unlike(`${node.opType} ${node.name} lies between its scores and its softmax`);
      at = node.output[0] ?? '';
    }
  }

  /** The mask that a node applies to the scores; null for any other node. */
  #mask(node: NodeProto, scores: string): ScoreMask | null {
    const [a = '', b = '', c = ''] = node.input;
    if (node.opType === 'Add') {
      const tensor = a === scores ? b : a;
      return this.varying.has(scores) && tensor !== scores ? { tensor, kind: 'added' } : null;
    }
    if (node.opType !== 'Where') return null;
    const other = scalarOf(this.graph, b === scores ? c : b);
    if (a === scores || other === undefined || other > hiddenBelow) return null;
    return { tensor: a, kind: b === scores ? 'seen' : 'hidden' };
  }

  /** Follows the probabilities to their product with the values. */
  #toContext(probabilities: string): NodeProto {
    let at = probabilities;
    for (;;) {
      const readers = this.graph.consumers(at).filter(({ opType }) => opType !== 'Shape');
      const guard = readers.find(({ opType }) => opType === 'IsNaN');
      const node = guard ? this.#nanGuard(guard, readers, at) : this.#reader(at);
      if (node.opType === 'MatMul' && node.input[0] === at) return node;
      if (!guard && node.opType !== 'Cast' && node.opType !== 'Identity')
        throw this.#unlike(`${node.opType} ${node.name} lies between its softmax and its values`);
      at = node.output[0] ?? '';
    }
  }

  /** Where(IsNaN(p), 0, p), for rows in which every key is masked: there are none here. Returns the Where. */
  #nanGuard(guard: NodeProto, readers: readonly NodeProto[], tensor: string): NodeProto {
    const where = this.#reader(guard.output[0] ?? '');
    const zero = scalarOf(this.graph, where.input[1] ?? '') === 0;
    if (where.opType !== 'Where' || !zero || where.input[2] !== tensor || readers.length !== 2)
      throw this.#unlike(`${guard.name} reads its probabilities`);
    return where;
  }
}

/** The `perm` attribute. */
function permutation(node: NodeProto): string {
  return (node.attribute.find(({ name }) => name === 'perm')?.ints ?? []).join();
}
