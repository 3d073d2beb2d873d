/**
 * Which token of a prompt each layer's features are read from (arXiv 2602.00333; there 0_visualize_attn.py): of the
 * closing tokens that every prompt has, the one with the most attention to the prefix. Attention is summed over the
 * prefix, averaged over the heads, and its maximum taken over the selection prompts.
 */
import { mostCandidates } from '../../schemas/fit-choices.js';

/** Offsets from a prompt's end, the last is -1, of its `count` last tokens (at least 1). */
export function candidateOffsets(count: number): number[] {
  const length = Math.min(Math.max(1, count), mostCandidates);
  return Array.from({ length }, (_, index) => index - length);
}

/** Mean over heads of [L, heads, N] attention: [L * N]. */
export function meanOverHeads(attention: Float32Array, layers: number, heads: number): Float64Array {
  const width = attention.length / (layers * heads);
  const means = new Float64Array(layers * width);
  for (let layer = 0; layer < layers; layer++) {
    for (let candidate = 0; candidate < width; candidate++) {
      let sum = 0;
      for (let head = 0; head < heads; head++)
        sum += attention[(layer * heads + head) * width + candidate] as number;
      means[layer * width + candidate] = sum / heads;
    }
  }
  return means;
}

/** The maximum over selection prompts of each candidate token's attention to the prefix, layer by layer. */
export class AttentionMap {
  /** [L * N] maximum over the prompts of the mean over heads. */
  readonly most: Float64Array;

  constructor(
    readonly layers: number,
    /** N */
    readonly candidates: number,
  ) {
    this.most = new Float64Array(layers * candidates);
  }

  /** @param attention [L * N] of one prompt. */
  add(attention: Float64Array): void {
    for (let i = 0; i < this.most.length; i++)
      this.most[i] = Math.max(this.most[i] as number, attention[i] as number);
  }

  /** [L] index of the candidate with the most attention; the first among equals. */
  chosen(): number[] {
    return Array.from({ length: this.layers }, (_, layer) => {
      const row = this.row(layer);
      return row.indexOf(Math.max(...row));
    });
  }

  /** [N] of one layer. */
  row(layer: number): Float64Array {
    return this.most.subarray(layer * this.candidates, (layer + 1) * this.candidates);
  }
}
