/**
 * What every method is: one layer's labelled features in, one direction out. Sign and length are settled by
 * fit-concept.ts for all methods alike.
 */

export interface LayerFeatures {
  /** [n * H] row-major. */
  readonly rows: Float32Array;
  readonly n: number;
  /** H */
  readonly hiddenSize: number;
  /** [n] 1 and 0, or anything between for soft labels. */
  readonly labels: Float32Array;
}

export interface MethodOptions {
  /** Unsigned 32-bit; methods that draw anything draw it from here. */
  readonly seed: number;
  readonly signal: AbortSignal;
}

export interface Direction {
  /** [H], neither signed nor normalised. */
  readonly direction: Float32Array;
  /** For the layer's record. JSON values only. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Method {
  /** One sentence for the API's documentation. */
  readonly description: string;
  /** Whether labels between 0 and 1 mean anything to it. */
  readonly softLabels: boolean;
  readonly direction: (features: LayerFeatures, options: MethodOptions) => Promise<Direction>;
}
