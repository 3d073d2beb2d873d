/** How a model's worker thread is set up: where it runs, how it counts, and what it may hold. */

/** Where a model runs. */
export interface DeviceSettings {
  /** `auto`: the first of cuda, webgpu and cpu that works. */
  readonly device: 'auto' | 'cuda' | 'webgpu' | 'cpu';
  /** Index of the CUDA device. */
  readonly deviceIndex: number;
  /** Bytes of its memory that CUDA may take; 0 for no limit. */
  readonly deviceMemory: number;
  /** Whether decode steps are recorded as device graphs and replayed; false when left out. */
  readonly deviceGraph?: boolean;
}

/**
 * How the CPU multiplies quantised weights where the export leaves it open. `int8`: activations are quantised to 8 bits
 * (MatMulNBits `accuracy_level` 4). `export`: they stay float32, at any cost in time. `blocks`: `int8`, except for 4-bit
 * weights in wide blocks, where an answer would depend on the other rows of its batch. `columns`: as `blocks`, and 8-bit
 * weights that the export does not want in float32 are quantised anew by column. `auto`: `columns` on processors with
 * instructions for it, else `blocks`.
 */
export const arithmetics = ['auto', 'columns', 'blocks', 'int8', 'export'] as const;
export type Arithmetic = (typeof arithmetics)[number];

/**
 * How keys and values are kept on the CPU. `export`: in the type that the export has. `int8`: in 8 bits, with one scale for
 * each channel of each head, where the graph keeps them in place in float32.
 */
export const kvCacheTypes = ['export', 'int8'] as const;
export type KvCacheType = (typeof kvCacheTypes)[number];

/** Token ids from 0 up to an end, which is exclusive, but for some. */
export interface TokenSet {
  readonly end: number;
  readonly without: readonly number[];
}

/** How a worker loads its model. */
export interface WorkerSettings {
  /** The device; the CPU when left out. */
  readonly where?: DeviceSettings;
  /** `auto` when left out. */
  readonly arithmetic?: Arithmetic;
  /** `export` when left out. */
  readonly kvCache?: KvCacheType;
  /** Tokens of a text that tells how large activations, keys and values become; a fixed spread when left out. */
  readonly calibration?: readonly number[];
  /** Folder that keeps weights by column from one start to the next; null or left out for none. */
  readonly cacheDirectory?: string | null;
  /** Folder with model.onnx, its weights and its configuration. */
  readonly directory: string;
  /** Intra-op threads; 0 chooses by the machine. */
  readonly threads: number;
  readonly slots: number;
  /** Tokens a slot holds; 0 takes the model's context, up to a usual one. */
  readonly capacity: number;
  /** The same where the model runs on a device; as `capacity` when left out. */
  readonly deviceCapacity?: number;
  /** Prompt tokens computed between two decode steps. */
  readonly prefillChunk: number;
  /** Bytes for beginnings of prompts, to be used again; none are kept when left out or 0. */
  readonly prefixBytes?: number;
  /** Whether requests of one space (`SequenceRequest.space`) may use those of another; not when left out. */
  readonly sharePrefixes?: boolean;
  /**
   * Most tokens of a draft: what a lone sequence, or its grammar, is likely to write next, computed together with its next
   * token. None when left out or 0.
   */
  readonly draftTokens?: number;
  /** Ids that the tokenizer has a token for: no other is sampled. All of the logits' when left out. */
  readonly hasToken?: TokenSet;
}
