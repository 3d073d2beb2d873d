/**
 * What states a concept that examples alone define: the examples themselves, shown to the model in a message. A fit keeps
 * it in its concept's record, and calibration judges answers by it, against the negative side shown in the same manner.
 */
import type { Tokenizer } from '../../text/tokenizer.js';
import type { Example, Examples } from './recipe.js';

export interface ConceptStatement {
  readonly own: string;
  /** Messages that the concept's answers should not be explained by. */
  readonly decoys: readonly string[];
}

/** What a record's details keep it under. */
const recordKey = 'stated_by';
/** Shown of each side, and characters of each: enough to tell the manner by, and short beside an answer. */
const mostShown = 8;
const longestShown = 240;
/** Of the context: a question and its answer have to fit beside it. */
const mostOfContext = 1 / 4;

/** What the message has to fit into. */
interface Room {
  readonly tokenizer: Pick<Tokenizer, 'encode'>;
  /** Tokens. */
  readonly capacity: number;
}

/** For the record of a fit by examples that no message states. Where the context is short fewer of them are shown. */
export function examplesRecord(
  { positive, negative }: Examples,
  room: Room,
): Readonly<Record<string, unknown>> {
  const statement: ConceptStatement = { own: shown(positive, room), decoys: [shown(negative, room)] };
  return { [recordKey]: statement };
}

/** @param details of a record, which may be foreign; null when nothing is kept there */
export function recordedStatement(details: Readonly<Record<string, unknown>>): ConceptStatement | null {
  const { own, decoys } = (details[recordKey] ?? {}) as Partial<ConceptStatement>;
  const known =
    typeof own === 'string' &&
    own !== '' &&
    Array.isArray(decoys) &&
    decoys.every((decoy) => typeof decoy === 'string');
  return known ? { own, decoys } : null;
}

function shown(side: readonly Example[], { tokenizer, capacity }: Room): string {
  const lines = side.slice(0, mostShown).map((example) => `- ${excerpt(example)}`);
  const message = () => ['Write in the manner of these texts:', ...lines].join('\n');
  while (lines.length > 1 && tokenizer.encode(message()).length > capacity * mostOfContext) lines.pop();
  return message();
}

/** Of a chat what it ends with: the answer that shows the concept. */
function excerpt(example: Example): string {
  const text = typeof example === 'string' ? example : (example.at(-1)?.content ?? '');
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > longestShown ? `${line.slice(0, longestShown)} ...` : line;
}
