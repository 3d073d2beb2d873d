/**
 * The classes of the paper's 512 concepts (arXiv 2602.00333) and the sentence that states a concept of each to
 * the model. A concept of no class brings its own sentence.
 */

interface ConceptClass {
  /** `{x}` stands for the subject. */
  readonly prefix: string;
  /** A subject, as it is written into the sentence. */
  readonly example: string;
}

export const conceptClasses = {
  fears: { prefix: 'Personify someone who is terrified of {x}.', example: 'spiders' },
  moods: { prefix: 'Take on a {x} mood.', example: 'cheerful' },
  personas: { prefix: 'Take on the role of {x}.', example: 'Marie Curie' },
  personalities: { prefix: 'Take on the role of an expert {x}.', example: 'botanist' },
  places: { prefix: 'Personify someone who loves {x}.', example: 'Lisbon' },
} satisfies Record<string, ConceptClass>;

export type ConceptClassName = keyof typeof conceptClasses;
export const conceptClassNames = Object.keys(conceptClasses) as [ConceptClassName, ...ConceptClassName[]];

/** The prefix that states `subject`, which is taken as it is written: "spiders" and "Spiders" differ. */
export function conceptPrefix(concept: ConceptClassName, subject: string): string {
  return conceptClasses[concept].prefix.replace('{x}', () => subject.trim());
}
