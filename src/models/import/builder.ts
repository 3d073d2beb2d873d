/** What builds graphs, as imports need it. */
import type { Checkpoint } from '../../checkpoint/checkpoint.js';
import type { Precision } from '../../schemas/imports.js';

interface BuildRequest {
  readonly checkpoint: Checkpoint;
  readonly precision: Precision;
  /** An existing folder; one that a build was broken off in is gone on with. */
  readonly out: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
}

export interface Builder {
  /**
   * Judges a configuration alone, before gigabytes of weights are fetched for it.
   * @throws SteerdError model_unsupported
   */
  check?(config: Readonly<Record<string, unknown>>): void;
  /**
   * Writes model.onnx and the files of its weights.
   * @throws SteerdError model_unsupported, checkpoint_invalid; the signal's reason
   */
  build(request: BuildRequest): Promise<void>;
  /** Bytes that the graph and its weights will have, at most. @throws SteerdError model_unsupported */
  size(checkpoint: Checkpoint, precision: Precision): number;
}
