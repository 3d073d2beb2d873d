/** Bodies that are read by way of another endpoint's: what is wrong with one is told by its own names of fields. */
import { SteerdError } from '../errors.js';
import type { NeutralRequest } from './neutral-request.js';

/** Names of fields as the other endpoint has them, and as this one does. */
export type Words = readonly (readonly [theirs: RegExp, own: string])[];

const translated = (words: Words, text: string): string =>
  words.reduce((told, [theirs, own]) => told.replace(theirs, own), text);

/**
 * The request that `read` makes, with its constraint's field in these words.
 * @throws what `read` throws, in these words
 */
export function inOwnWords(words: Words, read: () => NeutralRequest): NeutralRequest {
  try {
    const request = read();
    const { constraint } = request.answer;
    if (constraint === null) return request;
    const field = translated(words, constraint.field);
    return { ...request, answer: { ...request.answer, constraint: { ...constraint, field } } };
  } catch (error) {
    if (!(error instanceof SteerdError) || error.param === null) throw error;
    const { message, param } = error;
    const own = translated(words, param);
    // The message begins with the field, or has it among its words.
    throw error.inWords(message.replaceAll(param, own), own);
  }
}
