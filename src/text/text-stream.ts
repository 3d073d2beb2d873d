/** The text of one sequence: the engine's steps, detokenised and cut at the first stop string. */
import type { FinishReason, SequenceStep, TokenLogprobs } from '../engine/protocol.js';
import { IncrementalDetokenizer } from './detokenizer.js';
import { StopStringMatcher } from './stop-strings.js';
import { type SpanMarks, StopsOutside } from './stops-outside.js';
import type { Tokenizer } from './tokenizer.js';

/** A token with the monitor's projections and the log probabilities of its step. */
export interface DetailedToken {
  readonly id: number;
  /** The text it added, before a stop string cut it. */
  text: string;
  readonly projections?: Float32Array;
  readonly logprobs?: TokenLogprobs;
}

export interface TextDelta {
  /** The new text: whole characters, and nothing that may be the beginning of a stop string. */
  text: string;
  /** Tokens since the last delta, including those whose text is held back or was cut off. */
  tokens: number[];
  /** The same tokens with details, when the engine's steps have any; then the stop token, when they tell it. */
  detailed?: DetailedToken[];
  finish: FinishReason | null;
  /** The stop string that is why it finished. */
  stopString?: string;
}

interface Detokenizer {
  push(token: number): string;
  flush(): string;
}

/**
 * Deltas of text, each as soon as it is final; the last one carries the finish reason, and its text may be empty.
 * A stop string ends the iteration with finish "stop", and ends `steps` (its `return()` frees the engine's slot) before
 * the last delta is yielded. A consumer that stops early ends `steps` too, but not before a pending step has arrived:
 * to cancel at once, abort the engine's signal.
 *
 * @param detokenize by default for an answer on its own; give one with a context for text that continues a prompt
 * @param stopsIncluded whether the text includes the stop string that ended it
 * @param outside spans in which stop strings do not count
 * @throws SteerdError invalid_value for an empty stop string; while iterating, what `steps` throws
 */
export function streamText(
  steps: AsyncIterable<SequenceStep>,
  tokenizer: Tokenizer,
  stops: readonly string[],
  detokenize: Detokenizer = new IncrementalDetokenizer(tokenizer),
  stopsIncluded = false,
  outside?: SpanMarks,
): AsyncIterable<TextDelta> {
  const matcher = outside
    ? new StopsOutside(stops, stopsIncluded, outside)
    : new StopStringMatcher(stops, stopsIncluded);
  return textDeltas(steps, detokenize, matcher);
}

async function* textDeltas(
  steps: AsyncIterable<SequenceStep>,
  detokenizer: Detokenizer,
  matcher: Pick<StopStringMatcher, 'push' | 'flush' | 'found'>,
): AsyncGenerator<TextDelta> {
  let tokens: number[] = [];
  let detailed: DetailedToken[] | undefined;
  let text = '';
  let stopped = false;
  let finish: FinishReason | null = null;
  let endToken: DetailedToken | null = null;
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
    if (step.endToken) endToken = { ...step.endToken, text: '' };
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
  if (endToken !== null) detailed = [...(detailed ?? []), endToken];
  if (finish !== null || text !== '' || tokens.length > 0)
    yield {
      ...{ text, tokens, finish },
      ...(detailed && { detailed }),
      ...(matcher.found !== null && { stopString: matcher.found }),
    };
}
