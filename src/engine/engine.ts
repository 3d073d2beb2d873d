/**
 * The seam between everything that wants tokens and the worker that makes them. It knows token ids only.
 * `WorkerEngine` (worker-engine.ts) is the real one; tests of other folders may bring their own.
 */
import type {
  Capture,
  CaptureRequest,
  ModelShape,
  ProjectRequest,
  ScoreRequest,
  SequenceRequest,
  SequenceStep,
} from './protocol.js';

export interface EngineLoad {
  /** Sequences in slots. */
  readonly running: number;
  /** Interactive sequences waiting for a slot. */
  readonly waiting: number;
}

export interface Engine {
  readonly shape: ModelShape;

  /**
   * Runs one sequence. The iterable ends after the step that carries a finish reason; leaving it early
   * (or aborting the signal) frees the slot within one step.
   * @throws SteerdError queue_full, context_length_exceeded, token_out_of_range, engine_failed: the first
   *   three before the first step.
   */
  generate(request: SequenceRequest, signal?: AbortSignal): AsyncIterable<SequenceStep>;

  /** Reads activations between decode steps of running sequences. */
  capture(request: CaptureRequest, signal?: AbortSignal): Promise<Capture>;

  /** Log-probabilities of given tokens under an edit, computed between decode steps. */
  score(request: ScoreRequest, signal?: AbortSignal): Promise<Float32Array>;

  /**
   * Projections [M, L, T] of given tokens onto M directions, read between decode steps.
   * @throws SteerdError prompt_empty, context_length_exceeded, token_out_of_range, queue_full, engine_failed
   */
  project(request: ProjectRequest, signal?: AbortSignal): Promise<Float32Array>;

  load(): EngineLoad;

  /** Ends the worker. Sequences still running fail with model_unavailable. */
  close(): Promise<void>;
}
