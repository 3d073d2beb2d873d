/**
 * Drafts of lone sequences: which tokens are guessed, and what a run of them computed. A run reads the weights once for
 * all its tokens, so right guesses are nearly free; beside other sequences a batch has that already.
 *
 * An answer is the same with and without drafts: each token is sampled from its own logits, which have the same bits
 * (run/draft-runner.ts), and the first one that is not as guessed ends what the run is good for.
 */
import type { HostKvCache } from '../kv/host-kv-cache.js';
import { NumbersBroke } from '../run/broken-numbers.js';
import type { DraftRunner } from '../run/draft-runner.js';
import { PromptLookup } from '../schedule/prompt-lookup.js';
import type { Sequence } from '../schedule/sequence.js';

/** Of how many tokens that a grammar forces the masks come with that of the first: a few runs' worth. */
export const forcedAhead = 16;

/** What one token of a draft's run computed. */
interface DraftedStep {
  /** [V], valid until the next run. */
  readonly logits: Float32Array;
  /** [M, L], when the sequence monitors directions. */
  readonly projections: Float32Array | null;
  readonly broken: NumbersBroke | null;
}

export interface DraftedRun {
  /** Index 0 is of the sequence's last token, the following ones of the draft's. */
  at(index: number): DraftedStep;
}

/** One sequence's slot when no other runs. */
const firstSlot = 0;

export class Drafting {
  readonly #texts = new WeakMap<Sequence, PromptLookup>();
  readonly #cache: HostKvCache;

  constructor(readonly runner: DraftRunner) {
    this.#cache = runner.cache;
  }

  /** A token was sampled. */
  sampled(sequence: Sequence, token: number): void {
    // A grammar's own drafts are better, and only they have masks.
    if (sequence.request.constraint !== undefined) return;
    const known = this.#texts.get(sequence);
    if (known) known.push(token);
    else this.#texts.set(sequence, new PromptLookup([...sequence.request.prompt, token]));
  }

  /** What may follow the sequence's last token; none when nothing is known, or there is no room to try. */
  draft(sequence: Sequence): readonly number[] {
    const { tokens } = this.runner;
    // Where a quiet span ends or begins, the edit changes with a token that is not sampled yet.
    if (sequence.request.quiet || sequence.computed + tokens > this.#cache.capacity) return [];
    // The last token that may be sampled needs no guess behind it.
    const most = Math.min(tokens, sequence.tokensLeft) - 1;
    if (most < 1) return [];
    if (sequence.constraint) return sequence.constraint.forced.slice(0, most);
    return this.#texts.get(sequence)?.draft(most) ?? [];
  }

  /** Computes the sequence's last token and a draft. @throws OrtError */
  run(sequence: Sequence, draft: readonly number[]): DraftedRun {
    const { edit, computed: position, lastToken, monitored } = sequence;
    const { logits, projections } = this.runner.run(
      firstSlot,
      [lastToken, ...draft],
      position,
      edit,
      edit.length > 0,
    );
    const size = this.#cache.spec.vocabularySize;
    return {
      at: (index) => {
        const layer = projections?.brokenLayer(0, { edit, position }, index + 1) ?? null;
        return {
          logits: logits.subarray(index * size, (index + 1) * size),
          projections: projections && monitored.length > 0 ? projections.read(0, index, monitored) : null,
          broken: layer === null ? null : new NumbersBroke(layer),
        };
      },
    };
  }

  /** How many tokens of a sequence's draft were right. */
  accepted(sequence: Sequence, count: number): void {
    this.#texts.get(sequence)?.accepted(count);
  }
}
