/**
 * Runs a plan: one iterable of pieces of text that streaming and plain answers share. All choices run at once;
 * a piece says which one it belongs to. Leaving the iterable, or aborting the signal, frees every slot.
 */
import { settlesWithin } from '../common/bounded-wait.js';
import type { FinishReason, SequenceRequest, SequenceStep, TokenLogprobs } from '../engine/protocol.js';
import { errors, SteeringTooStrong, shown } from '../errors.js';
import type { SteeringReceipt } from '../schemas/steering-receipt.js';
import { type Monitor, type Reading, readings } from '../steering/monitor.js';
import { IncrementalDetokenizer } from '../text/detokenizer.js';
import { keepMarks } from '../text/kept-tokens.js';
import type { SpanMarks } from '../text/stops-outside.js';
import { type DetailedToken, streamText } from '../text/text-stream.js';
import { tokenPieces } from '../text/token-pieces.js';
import type { Tokenizer } from '../text/tokenizer.js';
import type { AnswerReading } from './answer-reading.js';
import type { NeutralRequest } from './neutral-request.js';
import type { CompletionPlan } from './plan.js';

export interface Piece {
  /** Of the choice. */
  readonly index: number;
  /** May be empty: a token can end inside a character, or be held back for a stop string. */
  readonly text: string;
  /** Of the tokens made for it. */
  readonly ids: readonly number[];
  /**
   * The same tokens, when the plan monitors something or wants log-probabilities; those of an echoed prompt too, and then the
   * stop token that ended the answer.
   */
  readonly read: readonly ReadToken[];
  /** With the first piece, when the request asks for them: of the prompt's second token on. */
  readonly promptLogprobs?: readonly TokenLogprobs[];
  readonly finish: FinishReason | null;
  /** The stop string that it finished at. */
  readonly stopString?: string;
}

/** An answer in the making: the pieces of all choices as they come. */
export type Generation = AsyncIterable<readonly Piece[]>;

/** A token of a choice with one reading per monitor, and its log-probabilities when they are asked for. */
export interface ReadToken {
  readonly id: number;
  readonly text: string;
  readonly readings: readonly Reading[];
  /** Null for a prompt's first token, which nothing comes before. */
  readonly logprobs?: TokenLogprobs | null;
}

const nothing = { text: '', ids: [], read: [], finish: null } as const;

/**
 * @throws SteerdError what the engine throws, or the signal's reason once it is aborted
 */
export async function* generate(plan: CompletionPlan, signal: AbortSignal): AsyncGenerator<readonly Piece[]> {
  // Aborted when the client leaves, when the consumer stops reading and when another choice fails.
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
  let running = plan.choices.length;

  const run = async (sequence: SequenceRequest, index: number): Promise<void> => {
    let ended = false;
    const arrive: Arrive = (piece) => {
      arrived.push({ index, ...piece });
      ended ||= piece.finish !== null;
      wake();
    };
    try {
      await readChoice(plan, sequence, all.signal, arrive);
      if (!ended) throw errors.engineFailed(plan.model.id, 'a sequence ended without a reason');
    } catch (error) {
      failures.push(namingSteering(error, plan.choices[index]?.receipts ?? []));
    } finally {
      running--;
      wake();
    }
  };

  try {
    for (const [index, { sequence }] of plan.choices.entries()) void run(sequence, index);
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

/** The engine knows coefficients only; the request's strengths are in the receipts. */
function namingSteering(error: unknown, receipts: readonly SteeringReceipt[]): unknown {
  if (!(error instanceof SteeringTooStrong)) return error;
  const acting = receipts.filter(({ applied }) => applied);
  return errors.steeringTooStrong(
    error.layer,
    acting.map(
      ({ concept, operation, strength, scale }) =>
        `${operation} ${shown(concept ?? 'vectors')} at strength ${strength}${scale === 'calibrated' ? '' : ` (scale ${scale})`}`,
    ),
  );
}

type Arrive = (piece: Omit<Piece, 'index'>) => void;

/** Runs one choice: hands over its pieces, from the echo to the one with the finish reason. */
async function readChoice(
  plan: CompletionPlan,
  sequence: SequenceRequest,
  signal: AbortSignal,
  arrive: Arrive,
): Promise<void> {
  const { model, monitors, request } = plan;
  const { answer, reply } = request;
  if (reply.echo.kind === 'message' && reply.echo.text !== '') arrive({ ...nothing, text: reply.echo.text });
  const steps = stepsAfterPrompt(plan, sequence, signal, arrive);
  const before = continuesPrompt(request) ? sequence.prompt : [];
  // Marks that the answer is read by are text, even where they are special tokens.
  const { reasoning, calls } = plan.reading;
  const tokenizer = reasoning || calls ? keepMarks(model.tokenizer) : model.tokenizer;
  const detokenizer = new IncrementalDetokenizer(tokenizer, before, reply.skipSpecialTokens);
  const { keepString } = answer.stop;
  // An answer that has to call ends with its calls.
  const strings = calls?.required ? [] : answer.stop.strings;
  const { field, fits: fitsWhole } = answer.constraint ?? {};
  const fits = reasoning || calls ? undefined : fitsWhole;
  let whole = '';
  for await (const delta of streamText(
    steps,
    tokenizer,
    strings,
    detokenizer,
    keepString,
    callMarks(plan.reading),
  )) {
    const { text, tokens: ids, detailed = [], finish } = delta;
    if (fits) whole += text;
    // Asked for tokens or a text to stop at, the client knows that the answer may not be whole.
    const isWhole = finish === 'stop' && delta.stopString === undefined && answer.stop.tokens.length === 0;
    if (fits && isWhole && !fits(whole)) throw errors.constraintBroken(model.id, field ?? 'the format');
    const read = detailed.map((token) => readToken(token, monitors, model.engine.shape.layers));
    const { stopString } = delta;
    arrive({ text, ids, read, finish, ...(stopString !== undefined && { stopString }) });
    if (finish !== null) break;
  }
}

/** A mark that no text has: calls that nothing closes go on to the end. */
const never = '\ufdd2';

/** What calls stand between: stop strings do not count there. */
function callMarks({ calls, format }: AnswerReading): SpanMarks | undefined {
  const [open] = format.openings;
  return calls && open ? { open, close: format.closings[0] ?? never } : undefined;
}

/** Whether the answer is detokenized as a continuation of the prompt; otherwise it stands alone. */
const continuesPrompt = ({ prompt }: NeutralRequest) =>
  prompt.kind === 'text' || prompt.ends === 'within-last-message';

/** The engine's steps, preceded by pieces with the echoed prompt and its log-probabilities. */
async function* stepsAfterPrompt(
  { model, request, cached }: CompletionPlan,
  sequence: SequenceRequest,
  signal: AbortSignal,
  arrive: Arrive,
): AsyncGenerator<SequenceStep> {
  const { answer, reply } = request;
  let first = true;
  for await (const step of model.engine.generate(sequence, signal)) {
    if (first) {
      const { promptLogprobs, timing } = step;
      if (timing) cached.note(sequence.prompt, timing.cached);
      if (answer.promptLogprobs !== null && promptLogprobs) arrive({ ...nothing, promptLogprobs });
      if (reply.echo.kind === 'prompt' || reply.echo.kind === 'prompt-only') {
        const finish = reply.echo.kind === 'prompt-only' ? 'length' : null;
        arrive({ ...nothing, ...echoedPrompt(model.tokenizer, sequence.prompt, promptLogprobs), finish });
        if (finish !== null) return;
      }
      first = false;
    }
    const { endToken: _, ...told } = step;
    yield reply.echo.kind === 'prompt' ? step : told;
  }
}

/**
 * The prompt's text, special tokens as they are written, and its tokens when their log-probabilities are known.
 * @param logprobs of the second token on
 */
function echoedPrompt(
  tokenizer: Tokenizer,
  prompt: readonly number[],
  logprobs: readonly TokenLogprobs[] | undefined,
): { readonly text: string; readonly read: readonly ReadToken[] } {
  const texts = tokenPieces(tokenizer, prompt);
  const read = logprobs
    ? prompt.map((id, i): ReadToken => {
        const own = i === 0 ? null : (logprobs[i - 1] ?? null);
        return { id, text: texts[i] ?? '', readings: [], logprobs: own };
      })
    : [];
  return { text: texts.join(''), read };
}

/** The engine's projections of a token, which are many, as the readings asked for. */
function readToken(
  { id, text, projections, logprobs }: DetailedToken,
  monitors: readonly Monitor[],
  layers: number,
): ReadToken {
  return {
    id,
    text,
    // The stop token of an echoed text has none.
    readings:
      projections === undefined
        ? []
        : readings(monitors, (m, layer) => projections[m * layers + layer] ?? Number.NaN),
    ...(logprobs && { logprobs }),
  };
}

/**
 * Milliseconds for which a stream waits for its first token before it answers: what fails until then has a status. A
 * constraint is compiled meanwhile, which finds out those that cannot be.
 */
const usualGrace = 200;
const compilingGrace = 12_000;

/**
 * Waits for the first item, but not for long: what fails by then is thrown here, while a status can still be chosen; what
 * waits longer, for a slot or for a long prompt, goes on as a stream that says so.
 * Whoever drops the result unread must abort the source by its signal.
 */
export async function begin<T>(
  source: AsyncGenerator<T>,
  plan?: Pick<CompletionPlan, 'request'>,
): Promise<AsyncGenerator<T>> {
  const first = source.next();
  const grace = plan?.request.answer.constraint ? compilingGrace : usualGrace;
  if (await settlesWithin(first, grace)) await first;
  return (async function* () {
    try {
      const { done, value } = await first;
      if (done) return;
      yield value;
      yield* source;
    } finally {
      await source.return(undefined);
    }
  })();
}

/** A choice's pieces put together. */
export type Answer = Required<Omit<Piece, 'index' | 'finish' | 'stopString'>> & {
  readonly finish: FinishReason;
  /** Null unless it finished at one. */
  readonly stopString: string | null;
};

/** Reads a generation to its end. */
export async function collect(
  { choices }: CompletionPlan,
  generation: Generation,
): Promise<readonly Answer[]> {
  const answers = choices.map(() => ({
    text: '',
    ids: [] as number[],
    read: [] as ReadToken[],
    promptLogprobs: [] as readonly TokenLogprobs[],
    finish: 'stop' as FinishReason,
    stopString: null as string | null,
  }));
  for await (const pieces of generation) {
    for (const piece of pieces) {
      const answer = answers[piece.index];
      if (answer === undefined) throw new Error(`no choice ${piece.index}`);
      answer.text += piece.text;
      for (const id of piece.ids) answer.ids.push(id);
      for (const token of piece.read) answer.read.push(token);
      answer.promptLogprobs = piece.promptLogprobs ?? answer.promptLogprobs;
      answer.finish = piece.finish ?? answer.finish;
      answer.stopString = piece.stopString ?? answer.stopString;
    }
  }
  return answers;
}
