/**
 * Concepts of the paper's five lists (arXiv 2602.00333), drawn by a rule and not by hand: the 8th, 28th, 48th,
 * 68th and 88th of each list, as its class's sentence takes them; the last place is left out to make 24.
 */
import { classPrefix } from '../../src/fitting/contrast/stated-concept.js';
import type { ConceptClassName } from '../../src/schemas/fit-choices.js';

const subjects: readonly (readonly [ConceptClassName, readonly string[]])[] = [
  ['fears', ['flowers', 'marriage', 'snakes', 'clothing', 'smiling']],
  ['moods', ['enthusiastic', 'subtle', 'whimsical', 'confident', 'irrational']],
  ['personas', ['Marie Curie', 'Confucius', 'Hypatia of Alexandria', 'Amartya Sen', 'Kimberlé Crenshaw']],
  [
    'personalities',
    [
      'comparative literature scholar',
      'theoretical physicist',
      'logician',
      'synthetic biologist',
      'genomicist',
    ],
  ],
  ['places', ['Toronto', 'Dublin', 'Edinburgh', 'Minneapolis']],
];

export interface TableConcept {
  readonly group: ConceptClassName;
  readonly subject: string;
  readonly prefix: string;
}

export const tableConcepts: readonly TableConcept[] = subjects.flatMap(([group, names]) =>
  names.map((subject) => ({ group, subject, prefix: classPrefix(group, subject) })),
);

/** Seen neither by a fit nor by a calibration. */
export const tableQuestions: readonly string[] = [
  'What would you like to talk about?',
  'Tell me about a day you remember well.',
  'What should I do this evening?',
  'Write the opening of a story.',
  'What is important to you?',
  'How do you feel right now?',
];
