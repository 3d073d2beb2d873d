/**
 * What states a concept to the model that judges its answers, and what states other things in the same manner. A fit's
 * message is one; examples, which have none, are shown to the model in a message of their own, against the negative side.
 */
import type { Concept } from '../../concepts/concept.js';
import { decoyMessages } from '../contrast/contrast.js';
import { recognised } from '../contrast/stated-concept.js';
import type { Example, Examples } from '../recipes/recipe.js';

export interface ConceptStatement {
  readonly own: string;
  /** Messages that the concept's answers should not be explained by. */
  readonly decoys: readonly string[];
}

/** Fewer would leave identification to chance, more cost time: each reads every answer. */
export const usualDecoys = 8;
/** Shown of each side of examples, and characters of each. */
const mostShown = 8;
const longestShown = 240;

/** What the record of a fit keeps of its statement, where it is not the prefix alone. */
const recordKey = 'stated_by';

/**
 * @param own instead of what the concept's record says
 * @param others instead of the decoys that ship
 * @returns null for a concept that nothing states, such as imported vectors
 */
export function statementOf(
  { record }: Pick<Concept, 'record'>,
  own?: string,
  others?: readonly string[],
): ConceptStatement | null {
  const kept = record.details[recordKey];
  const recorded = isStatement(kept) ? kept : null;
  const message = own ?? (record.prefix || recorded?.own);
  if (message === undefined || message === '') return null;
  if (others !== undefined) return { own: message, decoys: others };
  if (own === undefined && recorded !== null) return recorded;
  return { own: message, decoys: decoyMessages(recognised(message), usualDecoys) };
}

/** For the record of a fit by examples: the texts themselves state the concept, and the negative ones its decoy. */
export function examplesRecord({ positive, negative }: Examples): Readonly<Record<string, unknown>> {
  return { [recordKey]: { own: shown(positive), decoys: [shown(negative)] } };
}

const shown = (side: readonly Example[]) =>
  `Write in the manner of these texts:\n${side
    .slice(0, mostShown)
    .map((example) => `- ${excerpt(example)}`)
    .join('\n')}`;

/** Of a chat what it ends with: the answer that shows the concept. */
function excerpt(example: Example): string {
  const text = typeof example === 'string' ? example : (example.at(-1)?.content ?? '');
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > longestShown ? `${line.slice(0, longestShown)} ...` : line;
}

function isStatement(value: unknown): value is ConceptStatement {
  const { own, decoys } = (value ?? {}) as Partial<ConceptStatement>;
  return (
    typeof own === 'string' && Array.isArray(decoys) && decoys.every((decoy) => typeof decoy === 'string')
  );
}
