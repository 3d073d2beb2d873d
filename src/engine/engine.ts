/**
 * What the rest of the server sees of a loaded model: token ids in, token ids and numbers out. `WorkerEngine`
 * (client/worker-engine.ts) implements it with a worker thread; tests of other folders may bring their own.
 */
import type {
  Capture,
  CaptureRequest,
  ConstraintSource,
  Divergence,
  ModelShape,
  PairsRequest,
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
   * Generates one sequence. The iterable ends after the step that has a finish reason. Leaving it early, or aborting the
   * signal, frees the slot within one step.
   * @throws SteerdError queue_full, context_length_exceeded, token_out_of_range (these before the first step),
   *   engine_failed
   */
  generate(request: SequenceRequest, signal?: AbortSignal): AsyncIterable<SequenceStep>;

  /**
   * Whether a constraint compiles: `generate` asks the same of its request. Without it, nobody can tell before.
   * @param signal of a request that no longer waits: its turn is left
   * @throws SteerdError constraint_refused for `field`, with the reason; queue_full; the signal's reason
   */
  checkConstraint?(source: ConstraintSource, field: string, signal?: AbortSignal): Promise<void>;

  /** Activations of a given text, computed between decode steps of running sequences. */
  capture(request: CaptureRequest, signal?: AbortSignal): Promise<Capture>;

  /** Log-probabilities [tokens.length - from] of a given text under an edit, computed between decode steps. */
  score(request: ScoreRequest, signal?: AbortSignal): Promise<Float32Array>;

  /**
   * Log-probabilities of many answers after many prompts: for each pair [answer's length], in the order of the pairs.
   * Faster than `score` for each of them; interactive reads may come between two texts.
   * @throws SteerdError prompt_empty, context_length_exceeded, token_out_of_range, invalid_value, queue_full,
   *   engine_failed
   */
  scoreMany(request: PairsRequest, signal?: AbortSignal): Promise<Float32Array[]>;

  /**
   * How far each prompt's edit moves the distributions of its answers' tokens: for each pair, in the order of the pairs.
   * The texts are read with and without the edit, so it takes as long as two `scoreMany`.
   * @throws SteerdError as `scoreMany`
   */
  divergenceMany(request: PairsRequest, signal?: AbortSignal): Promise<Divergence[]>;

  /**
   * Projections [M, L, T] of a given text onto M directions, computed between decode steps.
   * @throws SteerdError prompt_empty, context_length_exceeded, token_out_of_range, queue_full, engine_failed
   */
  project(request: ProjectRequest, signal?: AbortSignal): Promise<Float32Array>;

  load(): EngineLoad;

  /** Ends the worker. Sequences still running fail with model_unavailable. */
  close(): Promise<void>;
}

/** `engine` with `overrides` in place of its own members; all other calls go to `engine`. */
export function withEngine(engine: Engine, overrides: Partial<Engine>): Engine {
  return {
    shape: engine.shape,
    generate: (request, signal) => engine.generate(request, signal),
    ...(engine.checkConstraint && {
      checkConstraint: (source, field, signal) =>
        engine.checkConstraint?.(source, field, signal) ?? Promise.resolve(),
    }),
    capture: (request, signal) => engine.capture(request, signal),
    score: (request, signal) => engine.score(request, signal),
    scoreMany: (request, signal) => engine.scoreMany(request, signal),
    divergenceMany: (request, signal) => engine.divergenceMany(request, signal),
    project: (request, signal) => engine.project(request, signal),
    load: () => engine.load(),
    close: () => engine.close(),
    ...overrides,
  };
}
