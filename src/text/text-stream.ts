/** Joins the engine's steps with the detokenizer and the stop strings: the text side of one sequence. */
import type { FinishReason, SequenceStep, TokenLogprobs } from '../engine/protocol.js';
import { IncrementalDetokenizer } from './detokenizer.js';
import { StopStringMatcher } from './stop-strings.js';
import type { Tokenizer } from './tokenizer.js';

/** A token with what the engine says of it. */
export interface DetailedToken {
  readonly id: number;
  /** What it added to the text, before stop strings cut it. */
  text: string;
  readonly projections?: Float32Array;
  readonly logprobs?: TokenLogprobs;
}

export interface TextDelta {
  /** What is new; never half a character, never the begin of a stop string. */
  text: string;
  /** Tokens since the last delta, those included whose text is still held back or was cut. */
  tokens: number[];
  /** The same tokens, when the engine says more of them. */
  detailed?: DetailedToken[];
  finish: FinishReason | null;
}

export interface Detokenizer {
  push(token: number): string;
  flush(): string;
}

/**
 * Deltas with text as it becomes certain; the last carries the finish reason and may be empty.
 * A stop string ends the iteration with finish "stop" and leaves `steps` (which calls its `return()` and so
 * frees the slot) before the last delta is given out. Leaving this iterable early leaves `steps` too, but
 * only when a pending step has come: abort the engine's signal to cancel at once.
 *
 * @param stopsIncluded whether the text has the stop string that ended it
 * @param detokenize for text that continues a prompt; by default the answer stands alone.
 * @throws SteerdError invalid_value for an empty stop string; while iterating, what `steps` throws.
 */
export function streamText(
  steps: AsyncIterable<SequenceStep>,
  tokenizer: Tokenizer,
  stops: readonly string[],
  detokenize: Detokenizer = new IncrementalDetokenizer(tokenizer),
  stopsIncluded = false,
): AsyncIterable<TextDelta> {
  return textDeltas(steps, detokenize, new StopStringMatcher(stops, stopsIncluded));
}

async function* textDeltas(
  steps: AsyncIterable<SequenceStep>,
  detokenizer: Detokenizer,
  matcher: StopStringMatcher,
): AsyncGenerator<TextDelta> {
  let tokens: number[] = [];
  let detailed: DetailedToken[] | undefined;
  let text = '';
  let stopped = false;
  let finish: FinishReason | null = null;
  for await (const step of steps) {
    if (step.token !== null) {
      tokens.push(step.token);
      const piece = detokenizer.push(step.token);
      ({ text, stopped } = matcher.push(piece));
      const { projections, logprobs } = step;
      if (projections || logprobs) {
        detailed ??= [];
        const details = { ...(projections && { projections }), ...(logprobs && { logprobs }) };
        detailed.push({ id: step.token, text: piece, ...details });
      }
    }
    finish = stopped ? 'stop' : step.finish;
    if (finish !== null) break;
    if (text !== '') {
      yield { text, tokens, finish, ...(detailed && { detailed }) };
      tokens = [];
      detailed = undefined;
      text = '';
    }
  }
  if (!stopped) {
    const unfinished = detokenizer.flush();
    const last = detailed?.at(-1);
    if (last) last.text += unfinished;
    const rest = matcher.push(unfinished);
    text += rest.text + matcher.flush();
    if (rest.stopped) finish = 'stop';
  }
  if (finish !== null || text !== '' || tokens.length > 0)
    yield { text, tokens, finish, ...(detailed && { detailed }) };
}
