/**
 * Runs a plan: one iterable of pieces of text that streaming and plain answers share. All choices run at once;
 * a piece says which one it belongs to. Leaving the iterable, or aborting the signal, frees every slot.
 */
import type { FinishReason, SequenceRequest, SequenceStep, TokenLogprobs } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { Usage } from '../schemas/generation.js';
import { IncrementalDetokenizer } from '../text/detokenizer.js';
import { streamText } from '../text/text-stream.js';
import { echoedPrompt } from './echo.js';
import { type ReadToken, readToken } from './monitor-reply.js';
import type { CompletionPlan } from './plan.js';

export interface Piece {
  /** Of the choice. */
  readonly index: number;
  /** May be empty: a token can end inside a character, or be held back for a stop string. */
  readonly text: string;
  /** Tokens made for it. */
  readonly tokens: number;
  /** Their ids. */
  readonly ids: readonly number[];
  /** With the first piece, when the plan wants them: of the prompt's second token on. */
  readonly prompt?: readonly TokenLogprobs[];
  /** The same tokens, when the plan monitors something or wants log-probabilities. */
  readonly read: readonly ReadToken[];
  readonly finish: FinishReason | null;
}

const nothingRead: readonly ReadToken[] = [];

/**
 * @throws SteerdError what the engine throws, or the signal's reason once it is aborted
 */
export async function* generate(plan: CompletionPlan, signal: AbortSignal): AsyncGenerator<readonly Piece[]> {
  const { model, sequences, stop } = plan;
  // Aborted when the client leaves, when the consumer stops reading and when a sister sequence fails.
  const all = new AbortController();
  let wake = () => {};
  const abort = () => {
    all.abort(signal.reason);
    wake();
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });

  let arrived: Piece[] = [];
  const failures: unknown[] = [];
  let running = sequences.length;

  const run = async (request: SequenceRequest, index: number): Promise<void> => {
    try {
      let ended = false;
      const arrive = (piece: Omit<Piece, 'index'>) => {
        arrived.push({ index, ...piece });
        ended ||= piece.finish !== null;
        wake();
      };
      if (plan.prefix !== '')
        arrive({ text: plan.prefix, tokens: 0, ids: [], read: nothingRead, finish: null });
      const steps = afterPrompt(plan, request, all.signal, arrive);
      const context = plan.continues ? request.prompt : [];
      const detokenizer = new IncrementalDetokenizer(model.tokenizer, context, plan.skipSpecialTokens);
      for await (const delta of streamText(steps, model.tokenizer, stop, detokenizer, plan.stopIncluded)) {
        const { text, tokens, detailed, finish } = delta;
        const read =
          detailed?.map((token) => readToken(token, plan.monitors, model.engine.shape.layers)) ?? nothingRead;
        arrive({ text, tokens: tokens.length, ids: tokens, read, finish });
        if (ended) break;
      }
      if (!ended) throw errors.engineFailed(model.id, 'a sequence ended without a reason');
    } catch (error) {
      failures.push(error);
    } finally {
      running--;
      wake();
    }
  };

  try {
    for (const [index, request] of sequences.entries()) void run(request, index);
    while (true) {
      if (signal.aborted) throw signal.reason;
      if (failures.length > 0) throw failures[0];
      if (arrived.length > 0) {
        const pieces = arrived;
        arrived = [];
        yield pieces;
      } else if (running > 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else return;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    all.abort();
  }
}

/** The engine's steps; the prompt comes first as a piece where it is echoed. */
async function* afterPrompt(
  plan: CompletionPlan,
  request: SequenceRequest,
  signal: AbortSignal,
  arrive: (piece: Omit<Piece, 'index'>) => void,
): AsyncGenerator<SequenceStep> {
  const finish = plan.promptOnly ? 'length' : null;
  let waiting = plan.echo;
  for await (const step of plan.model.engine.generate(request, signal)) {
    if (plan.promptLogprobs !== null && step.promptLogprobs)
      arrive({ text: '', tokens: 0, ids: [], read: nothingRead, finish: null, prompt: step.promptLogprobs });
    if (waiting) {
      const echoed = echoedPrompt(plan.model.tokenizer, request, step.promptLogprobs);
      arrive({ ...echoed, tokens: 0, ids: [], finish });
      waiting = false;
      if (finish !== null) return;
    }
    yield step;
  }
}

/**
 * Waits for the first item: what fails before it is thrown here, while a status can still be chosen.
 * Whoever drops the result unread must abort the source by its signal.
 */
export async function begin<T>(source: AsyncGenerator<T>): Promise<AsyncGenerator<T>> {
  const first = await source.next();
  return (async function* () {
    try {
      if (first.done) return;
      yield first.value;
      yield* source;
    } finally {
      await source.return(undefined);
    }
  })();
}

export interface Answer {
  readonly text: string;
  /** Its tokens, when the plan monitors something or wants log-probabilities. */
  readonly read: readonly ReadToken[];
  readonly finish: FinishReason;
  readonly ids: readonly number[];
  readonly prompt: readonly TokenLogprobs[];
}

/** Reads a generation to its end. */
export async function collect(
  plan: CompletionPlan,
  generation: AsyncIterable<readonly Piece[]>,
): Promise<{ readonly answers: readonly Answer[]; readonly usage: Usage }> {
  const answers = plan.sequences.map(() => ({
    text: '',
    read: [] as ReadToken[],
    finish: 'stop' as FinishReason,
    ids: [] as number[],
    prompt: [] as readonly TokenLogprobs[],
  }));
  let tokens = 0;
  for await (const pieces of generation) {
    for (const piece of pieces) {
      const answer = answers[piece.index];
      if (answer === undefined) throw new Error(`no choice ${piece.index}`);
      answer.text += piece.text;
      answer.ids.push(...piece.ids);
      answer.prompt = piece.prompt ?? answer.prompt;
      for (const token of piece.read) answer.read.push(token);
      answer.finish = piece.finish ?? answer.finish;
      tokens += piece.tokens;
    }
  }
  return { answers, usage: usageOf(plan, tokens) };
}

export const usageOf = ({ promptTokens }: CompletionPlan, completionTokens: number): Usage => ({
  prompt_tokens: promptTokens,
  completion_tokens: completionTokens,
  total_tokens: promptTokens + completionTokens,
});
