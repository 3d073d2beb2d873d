/**
 * What a turn computes for sequences: parts of their prompts, and their next tokens. A sequence whose numbers broke, or whose
 * run failed, is told to the host; the others go on.
 */
import type { OpenModel } from '../load/open-model.js';
import type { SequenceResult } from '../protocol.js';
import { BrokenLogits } from '../sampling/broken-logits.js';
import type { Sampler } from '../sampling/sampler.js';
import type { Prefill, PrefillChunk } from '../schedule/scheduler.js';
import type { Sequence } from '../schedule/sequence.js';
import type { ConstrainedSequences } from './constrained-sequences.js';
import type { Drafting } from './drafting.js';
import type { PrefixReuse } from './prefix-reuse.js';

interface StepParts {
  readonly prefixes: PrefixReuse;
  readonly constrained: ConstrainedSequences;
  readonly sampler: Sampler;
  /** Null where nothing is drafted. */
  readonly drafting: Drafting | null;
}

/** What the loop does with what comes of a step. */
interface StepHost {
  /** The sequence has its first token: it runs from now on. */
  promote(sequence: Sequence): void;
  /** The sequence ends with an error. */
  fail(id: number, error: unknown): void;
  /** Tells results before those of the turn. */
  post(results: readonly SequenceResult[]): void;
}

export class TokenSteps {
  readonly #serving: OpenModel['serving'];
  readonly #vocabularySize: number;

  constructor(
    { serving, shape }: Pick<OpenModel, 'serving' | 'shape'>,
    private readonly parts: StepParts,
    private readonly host: StepHost,
  ) {
    this.#serving = serving;
    this.#vocabularySize = shape.vocabularySize;
  }

  /** Computes the parts of prompts that a turn reads. @param results gets the first tokens */
  prefill({ chunks, whole }: Prefill, results: SequenceResult[]): void {
    if (whole) this.#readPrompts(chunks, results);
    else for (const chunk of chunks) this.#readChunk(chunk, results);
  }

  /** Computes whole prompts in one run. */
  #readPrompts(chunks: readonly PrefillChunk[], results: SequenceResult[]): void {
    const failed = new Map<number, unknown>();
    for (const { sequence } of chunks) sequence.begun ??= performance.now();
    try {
      const read = this.#serving.prompts(
        chunks[0]?.slot ?? 0,
        chunks.map(({ sequence }) => sequence),
      );
      const slots = new Map(chunks.map(({ sequence, slot }) => [sequence, slot]));
      for (const { sequence, logits, projections, broken } of read) {
        sequence.computed = sequence.request.prompt.length;
        try {
          // Nor is such a prompt kept, as none is whose chunk breaks.
          if (broken) throw broken;
          this.parts.prefixes.computed(sequence, slots.get(sequence) ?? 0);
          this.parts.prefixes.ended(sequence, logits);
          results.push(this.#firstStep(sequence, logits, projections));
        } catch (error) {
          failed.set(sequence.id, error);
        }
      }
    } catch (error) {
      for (const { sequence } of chunks) failed.set(sequence.id, error);
    }
    this.#settle(chunks, failed);
    for (const { sequence } of chunks) if (!failed.has(sequence.id)) this.host.promote(sequence);
  }

  /** Computes a chunk of a prompt. The last chunk gives the logits of the first token. */
  #readChunk({ sequence, slot, from, to }: PrefillChunk, results: SequenceResult[]): void {
    const { edit, monitored, readsPrompt } = sequence;
    const { prompt } = sequence.request;
    const isLast = to === prompt.length;
    const scored = readsPrompt ? to - from : isLast ? 1 : 0;
    sequence.begun ??= performance.now();
    try {
      const { logits, projections } =
        this.parts.prefixes.known(sequence) ??
        this.#serving.chunk(slot, prompt.slice(from, to), from, edit, scored, isLast && monitored.length > 0);
      sequence.computed = to;
      this.parts.prefixes.computed(sequence, slot);
      if (readsPrompt) sequence.readPrompt(logits, from, to);
      if (!isLast) return;
      this.parts.prefixes.ended(sequence, logits);
      const lastLogits = logits.subarray(-this.#vocabularySize);
      const projected = projections?.read(0, to - from - 1, monitored) ?? null;
      results.push(this.#firstStep(sequence, lastLogits, projected));
      this.host.promote(sequence);
    } catch (error) {
      this.host.fail(sequence.id, this.#explain(error, sequence, slot));
    }
  }

  /** The first token, from the logits of the prompt's last position. */
  #firstStep(sequence: Sequence, logits: Float32Array, projections: Float32Array | null): SequenceResult {
    const begun = sequence.begun ?? sequence.arrived;
    const timing = {
      queued: begun - sequence.arrived,
      prefill: performance.now() - begun,
      cached: sequence.cached,
    };
    return { timing, ...this.#sample(sequence, logits, projections) };
  }

  /** One token of every running sequence; of a lone one as many as its draft has right. @param results gets them */
  decode(sequences: readonly Sequence[], results: SequenceResult[]): void {
    const [first] = sequences;
    const draft = sequences.length === 1 && first && this.parts.drafting?.draft(first);
    if (draft && draft.length > 0) {
      this.#decodeDraft(first, draft, results);
      return;
    }
    const failed = new Map<number, unknown>();
    try {
      const decoded = this.#serving.decode(sequences);
      this.parts.constrained.receive();
      for (const { sequence, logits, projections, broken } of decoded) {
        // Without its mask nothing can be sampled: the sequence stays as it is, and the next step computes it again.
        if (sequence.waitsForMask) continue;
        sequence.computed++;
        try {
          if (broken) throw broken;
          results.push(this.#sample(sequence, logits, projections));
        } catch (error) {
          failed.set(sequence.id, error);
        }
      }
    } catch (error) {
      // One run computes all rows, so all sequences fail.
      for (const { id } of sequences) failed.set(id, error);
    }
    this.#settle(
      sequences.map((sequence, slot) => ({ sequence, slot })),
      failed,
    );
  }

  /** A lone sequence's next token, and those of the draft that were guessed right, with the one behind them. */
  #decodeDraft(sequence: Sequence, draft: readonly number[], results: SequenceResult[]): void {
    const made: SequenceResult[] = [];
    let right = 0;
    try {
      const run = this.parts.drafting?.run(sequence, draft);
      this.parts.constrained.receive();
      // A token that is not as guessed, or waits for its mask, is computed by the next run.
      for (let index = 0; run && index <= draft.length && !sequence.waitsForMask; index++) {
        const { logits, projections, broken } = run.at(index);
        sequence.computed++;
        if (broken) throw broken;
        const step = this.#sample(sequence, logits, projections);
        made.push(step);
        if (step.finish || step.token !== draft[index]) break;
        right++;
      }
      this.parts.drafting?.accepted(sequence, right);
      const last = made.pop();
      if (last) made.push({ ...last, draft: { guessed: draft.length, right } });
      results.push(...made);
    } catch (error) {
      // What was made before is the sequence's, as without a draft.
      this.host.post(made);
      this.#settle([{ sequence, slot: 0 }], new Map([[sequence.id, error]]));
    }
  }

  /** Ends the sequences that have failed. Only when all are told: removing one moves the rows of others. */
  #settle(
    computed: readonly { readonly sequence: Sequence; readonly slot: number }[],
    failed: Map<number, unknown>,
  ): void {
    for (const { sequence, slot } of computed) {
      const error = failed.get(sequence.id);
      if (error) failed.set(sequence.id, this.#explain(error, sequence, slot));
    }
    for (const [id, error] of failed) this.host.fail(id, error);
  }

  /** Of a sequence whose last token gave no numbers to sample from: where that began. Any other error is what it is. */
  #explain(error: unknown, { lastToken, request, computed, wholeEdit }: Sequence, slot: number): unknown {
    if (!(error instanceof BrokenLogits)) return error;
    const token = lastToken >= 0 ? lastToken : (request.prompt.at(-1) ?? 0);
    return this.#serving.whereBroken(slot, token, computed - 1, wholeEdit);
  }

  #sample(sequence: Sequence, logits: Float32Array, projections: Float32Array | null): SequenceResult {
    const step = { id: sequence.id, ...sequence.sample(logits, this.parts.sampler) };
    if (step.token !== null) this.parts.drafting?.sampled(sequence, step.token);
    return projections && step.token !== null ? { ...step, projections } : step;
  }
}
