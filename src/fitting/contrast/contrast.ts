/**
 * What a concept is told apart from: what a fit's negative side states in the concept's place. What both sides have in
 * common (that there is a message, its form, its role play) is then no part of the direction. Calibration draws its
 * decoys from the same lists.
 */
import { createHash } from 'node:crypto';
import { errors } from '../../errors.js';
import { type ConceptClassName, type ContrastKind, conceptClassNames } from '../../schemas/fit-choices.js';
import { classSubjects, otherMessages, topics } from '../statements/subjects.js';
import { keyOf, messagesOtherThan, otherThan, sameText } from './likeness.js';
import { classPrefix, messageOf, recognised, type StatedConcept } from './stated-concept.js';

/** A concept and what its request says of the negative side. */
export interface ContrastTerms extends StatedConcept {
  /** Default: none. */
  readonly contrast?: ContrastKind | undefined;
  /** The request's own: subjects where the message has a form, else messages. */
  readonly others?: readonly string[] | undefined;
  /** With contrast `opposite`: a subject where the message has a form, else a message. */
  readonly opposite?: string | undefined;
  /** Share of the negatives that state nothing, with contrast `others` and `opposite`. Default: 0. */
  readonly bareShare?: number | undefined;
}

export interface Contrast {
  readonly kind: ContrastKind;
  /** The concept's message. */
  readonly own: string;
  /** Messages in its place; none with kind `none`. */
  readonly others: readonly string[];
  /** What the concept is about; null where only its message is known. */
  readonly ownSubject: string | null;
  /** Subjects in its place: of `others`, one each, where the message has a form. Null where none can be named. */
  readonly otherSubjects: readonly string[] | null;
  /** Share of the negatives that state nothing. */
  readonly bareShare: number;
}

/** @throws SteerdError invalid_value for `others` or `opposite` that leave nothing but the concept itself. */
export function contrastOf(terms: ContrastTerms): Contrast {
  const { contrast: kind = 'none', others, opposite, bareShare = 0 } = terms;
  const given = others !== undefined || opposite !== undefined;
  // A class's sentence that was written out is contrasted like the class.
  const concept = terms.subject === undefined && !given ? recognised(terms.prefix) : terms;
  const { prefix: own, subject } = concept;
  const ownSubject = subject ?? null;
  if (kind === 'none') {
    return {
      kind,
      own,
      others: [],
      ownSubject,
      otherSubjects: ownSubject === null ? null : [],
      bareShare: 1,
    };
  }
  const found = kind === 'opposite' ? [oppositeOf(terms)] : othersOf(concept, others);
  const { form } = concept;
  if (form !== undefined) {
    const messages = found.map((other) => messageOf(form, other));
    return { kind, own, others: messages, ownSubject, otherSubjects: found, bareShare };
  }
  const otherSubjects = kind === 'others' && subject !== undefined ? otherThan(subject, topics) : null;
  return { kind, own, others: found, ownSubject, otherSubjects, bareShare };
}

function oppositeOf({ opposite, prefix, subject, form }: ContrastTerms): string {
  if (opposite === undefined) {
    throw errors.invalidValue('opposite', 'given with contrast "opposite"', 'nothing');
  }
  const own = form === undefined ? prefix : (subject as string);
  if (!sameText(opposite, own)) return opposite.trim();
  throw errors.invalidValue('opposite', 'another than what the fit is about', opposite);
}

/** Subjects where the message has a form, else messages. */
function othersOf(concept: StatedConcept, given: readonly string[] | undefined): readonly string[] {
  const { prefix, subject, form } = concept;
  const own = form === undefined ? prefix : (subject as string);
  if (given === undefined) {
    if (form !== undefined) return otherThan(own, subjectsLike(concept));
    return messagesOtherThan(prefix, otherMessages).filter((message) => isOther(subject, message));
  }
  const seen = new Set([keyOf(own)]);
  const others = given.filter((other) => !seen.has(keyOf(other)) && seen.add(keyOf(other)));
  if (others.length > 0) return others.map((other) => other.trim());
  throw errors.invalidValue('others', 'a list with something else than what the fit is about', given);
}

const isOther = (subject: string | undefined, message: string) =>
  subject === undefined || otherThan(subject, [message]).length > 0;

const subjectsLike = ({ conceptClass }: StatedConcept) =>
  conceptClass === undefined ? topics : classSubjects[conceptClass];

/**
 * The negative side of `count` places: at each the index of the other that it states, in turn, or null for a bare one.
 * Bare ones are spread evenly.
 */
export function negativeSide({ others, bareShare }: Contrast, count: number): (number | null)[] {
  let stated = 0;
  const bareBefore = (index: number) => Math.floor(index * bareShare + 1e-9);
  return Array.from({ length: count }, (_, index) =>
    others.length === 0 || bareBefore(index + 1) > bareBefore(index) ? null : stated++ % others.length,
  );
}

/** For a concept's record. Empty with kind `none`: fits from before there was a contrast said nothing of it. */
export function contrastRecord({ kind, others, otherSubjects, bareShare }: Contrast): {
  readonly contrast?: Readonly<Record<string, unknown>>;
} {
  if (kind === 'none') return {};
  const stated = JSON.stringify([others, otherSubjects]);
  return {
    contrast: {
      kind,
      others: others.length,
      others_sha256: createHash('sha256').update(stated).digest('hex'),
      bare_share: bareShare,
    },
  };
}

/**
 * Messages that a concept's answers should not be explained by: half of its own kind (subjects of its class in the
 * same sentence, or topics, or written-out messages), half of other kinds. None speaks of the concept's subject, and
 * the same concept has the same decoys.
 * @param count at least 1; up to some 40 there are as many
 */
export function decoyMessages(concept: StatedConcept, count: number): string[] {
  const known = concept.subject === undefined ? recognised(concept.prefix) : concept;
  const { prefix, subject, form, conceptClass } = known;
  const written = messagesOtherThan(prefix, otherMessages).filter((message) => isOther(subject, message));
  const ofClasses = messagesOtherThan(prefix, classMessages(conceptClass)).filter((message) =>
    isOther(subject, message),
  );
  const [alike, unlike] =
    form === undefined
      ? [written, ofClasses]
      : [
          otherThan(subject as string, subjectsLike(known)).map((other) => messageOf(form, other)),
          inTurn([written, ofClasses]),
        ];
  return [...new Set(inTurn([alike, unlike]))].slice(0, count);
}

/** Messages of every class but one, a class after the other in turn. */
function classMessages(except: ConceptClassName | undefined): string[] {
  const classes = conceptClassNames.filter((name) => name !== except);
  return inTurn(classes.map((name) => classSubjects[name].map((subject) => classPrefix(name, subject))));
}

/** One of each list, then the next of each. */
function inTurn(lists: readonly (readonly string[])[]): string[] {
  const most = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: most }, (_, i) => lists.flatMap((list) => list.slice(i, i + 1))).flat();
}
