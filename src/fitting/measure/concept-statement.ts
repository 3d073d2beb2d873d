/**
 * What states a concept to the model that judges its answers, and what states other things in the same manner. A fit's
 * message is one; examples, which have none, state themselves (recipes/example-statement.ts).
 */
import type { Concept } from '../../concepts/concept.js';
import { usualCalibration } from '../../schemas/measurements.js';
import { decoyMessages } from '../contrast/contrast.js';
import { otherThan } from '../contrast/likeness.js';
import { recognised } from '../contrast/stated-concept.js';
import { type ConceptStatement, recordedStatement } from '../recipes/example-statement.js';

export type { ConceptStatement } from '../recipes/example-statement.js';

/**
 * @param own instead of what the concept's record says
 * @param others instead of the decoys that ship
 * @returns null for a concept that nothing states, such as imported vectors
 */
export function statementOf(
  { name, record }: Pick<Concept, 'name' | 'record'>,
  own?: string,
  others?: readonly string[],
): ConceptStatement | null {
  const recorded = recordedStatement(record.details);
  const message = own ?? (record.prefix.trim() === '' ? recorded?.own : record.prefix);
  if (message === undefined || message.trim() === '') return null;
  if (others !== undefined) return { own: message, decoys: others };
  if (message === recorded?.own) return recorded;
  const { others: count } = usualCalibration;
  // A name says what the message may say in other words: a concept called cheerful has no cheerful decoy.
  const decoys = otherThan(name, decoyMessages(recognised(message), 2 * count));
  return { own: message, decoys: decoys.slice(0, count) };
}
