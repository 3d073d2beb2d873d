/**
 * What a fit is about, as its request says it: a message, a class and its subject, a message with a place for the
 * subject, or a subject alone. A message that has a place for any subject is a form; `{x}` is the place.
 */
import { type ConceptClassName, conceptClasses, conceptClassNames } from '../../schemas/fit-choices.js';

export interface StatedConcept {
  /** The message that states the concept to the model; empty for examples that nothing states. */
  readonly prefix: string;
  readonly conceptClass?: ConceptClassName | undefined;
  /** What the concept is about, as it reads inside a sentence: "the ocean". */
  readonly subject?: string | undefined;
  /** What makes the message of any other subject. Unknown for a message that was written out. */
  readonly form?: string | undefined;
  /** The subject alone was given: the message is ours, to measure by, and nothing that a fit has to follow. */
  readonly subjectOnly?: boolean | undefined;
}

/** States a subject of which nothing else is known. */
const plainForm = 'Talk about {x} in everything you say.';

const place = '{x}';

/** The message of a form for `subject`, which is taken as it is written: "spiders" and "Spiders" differ. */
export const messageOf = (form: string, subject: string) => form.replaceAll(place, () => subject.trim());

/** The sentence that states `subject` as one of a class. */
export const classPrefix = (conceptClass: ConceptClassName, subject: string) =>
  messageOf(conceptClasses[conceptClass].prefix, subject);

/** What texts about `subject` are about: "feeling sad" of moods. The subject itself where it is of no class. */
export const topicOf = (conceptClass: ConceptClassName | undefined, subject: string) =>
  conceptClass === undefined ? subject : messageOf(conceptClasses[conceptClass].topic, subject);

interface Stating {
  readonly prefix?: string | undefined;
  readonly class?: ConceptClassName | undefined;
  readonly subject?: string | undefined;
}

export function statedConcept({ prefix, class: conceptClass, subject }: Stating): StatedConcept {
  if (subject === undefined) return { prefix: prefix ?? '' };
  if (conceptClass !== undefined) {
    const form = conceptClasses[conceptClass].prefix;
    return { prefix: messageOf(form, subject), conceptClass, subject, form };
  }
  if (prefix === undefined) {
    return { prefix: messageOf(plainForm, subject), subject, form: plainForm, subjectOnly: true };
  }
  if (!prefix.includes(place)) return { prefix, subject };
  return { prefix: messageOf(prefix, subject), subject, form: prefix };
}

/** "Take on the role of an expert {x}." before "Take on the role of {x}.", which it is too. */
const particularFirst = [...conceptClassNames].sort(
  (a, b) => conceptClasses[b].prefix.length - conceptClasses[a].prefix.length,
);

/** What is known of a message that is a class's sentence or the plain one, or the message alone. */
export function recognised(prefix: string): StatedConcept {
  for (const conceptClass of particularFirst) {
    const form = conceptClasses[conceptClass].prefix;
    const subject = subjectIn(prefix, form);
    if (subject !== null) return { prefix, conceptClass, subject, form };
  }
  const subject = subjectIn(prefix, plainForm);
  return subject === null ? { prefix } : { prefix, subject, form: plainForm, subjectOnly: true };
}

function subjectIn(message: string, form: string): string | null {
  const [before, after] = form.split(place) as [string, string];
  const trimmed = message.trim();
  if (!trimmed.startsWith(before) || !trimmed.endsWith(after)) return null;
  const subject = trimmed.slice(before.length, trimmed.length - after.length);
  // More than one sentence is somebody's own message that begins like a class's.
  return /^[^.!?\n]+$/.test(subject) && subject.trim() !== '' ? subject : null;
}
