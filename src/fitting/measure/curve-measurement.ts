/** Measures points of a concept's calibration curve: the model answers every question at each share. */
import type { Concept } from '../../concepts/concept.js';
import { greedy } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import type { OnProgress } from '../recipes/recipe.js';
import { type CurvePoint, curvePoint, type FluencyBound, type Share } from './calibration-curve.js';
import { runTrials, type TrialResult } from './trial.js';
import type { PromptPair } from './trial-prompts.js';
import { editAt, type UnitEdit } from './unit-edit.js';

interface CurveSettings {
  readonly concept: Concept;
  readonly unit: UnitEdit;
  readonly model: LoadedModel;
  readonly prompts: readonly PromptPair[];
  readonly bound: FluencyBound;
  readonly maxTokens: number;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** The unsteered answers by question, for who has them already. */
  readonly unsteered?: readonly TrialResult[];
}

export class CurveMeasurement {
  /** By question. */
  #unsteered: readonly TrialResult[];
  readonly #points: CurvePoint[] = [];

  constructor(readonly settings: CurveSettings) {
    this.#unsteered = settings.unsteered ?? [];
  }

  /** By question; empty before the first `add`. */
  get unsteered(): readonly TrialResult[] {
    return this.#unsteered;
  }

  /** What was measured so far, by share. */
  get points(): CurvePoint[] {
    return [...this.#points].sort((a, b) => a.share - b.share);
  }

  /**
   * All shares in one batch; the first time with the unsteered answers that the others are compared with.
   * Greedy: a loop shows at once, and the same request gives the same curve.
   */
  async add(shares: readonly Share[]): Promise<void> {
    const { concept, unit, model, prompts, bound, maxTokens, signal, onProgress } = this.settings;
    const asked = this.#unsteered.length === 0 ? [0, ...shares] : shares;
    // Trials of one prompt stand together: judging reads the shared prompt once.
    const trials = prompts.flatMap((prompt) =>
      asked.map((share) => ({ ...prompt, edit: editAt(concept, unit, share) })),
    );
    const results = await runTrials(model, trials, { maxTokens, sampling: greedy, signal, onProgress });
    for (const [index, share] of asked.entries()) {
      const answers = results.filter((_, trial) => trial % asked.length === index);
      if (share === 0) this.#unsteered = answers;
      this.#points.push(curvePoint(share, answers, this.#unsteered, bound));
    }
  }
}
