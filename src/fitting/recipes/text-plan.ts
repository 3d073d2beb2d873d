/** Which texts recipe `texts` has written, and what each is read back after, in words and as prompts: nothing is run. */

import type { LoadedModel } from '../../models/model.js';
import { usualTexts } from '../../schemas/fit-choices.js';
import { literalText } from '../../text/tokenizer.js';
import { type Contrast, negativeSide } from '../contrast/contrast.js';
import { messageOf } from '../contrast/stated-concept.js';
import { questions } from '../statements/questions.js';
import {
  leadIns,
  neutralLeadIns,
  neutralPrompts,
  openForms,
  openLeadIns,
  textForms,
} from '../statements/text-forms.js';
import { conceptRole, questionTokens } from './concept-prompt.js';
import type { RecipeRequest } from './recipe.js';

/** about: a text about a subject. answer: to a question under a message. open: a text of no subject under a message. */
type TextKind = 'about' | 'answer' | 'open';

export interface PlannedText {
  readonly positive: boolean;
  /** Place in its side; the texts of both sides at a place differ in what they state alone. */
  readonly index: number;
  readonly kind: TextKind;
  readonly prompt: Said;
  readonly readAfter: Said;
  /** What the text must not repeat. */
  readonly instructions: readonly string[];
  /** How errors call the prompt. */
  readonly what: string;
}

/** What the model reads before a text. */
export interface Said {
  readonly text: string;
  /** Stated before it; null for nothing. */
  readonly message: string | null;
}

/** Token ids of what is said. */
export type Encode = (said: Said) => readonly number[];

/** What one text states; null for nothing. */
interface Stating {
  readonly subject: string | null;
  readonly message: string | null;
}

/** @param contrast of the request */
export function planTexts(request: RecipeRequest, contrast: Contrast): PlannedText[] {
  const { model, texts: count = usualTexts } = request;
  const kinds = kindsOf(request, contrast);
  // Each kind has every other in turn, whatever their number.
  const side = negativeSide(contrast, Math.ceil(count / kinds.length));
  const own = { subject: contrast.ownSubject, message: contrast.own };
  const write = model.chatTemplate === null ? continued : asked;
  return [true, false].flatMap((positive) =>
    Array.from({ length: count }, (_, index): PlannedText => {
      const kind = kinds[index % kinds.length] as TextKind;
      const turn = Math.floor(index / kinds.length);
      const other = side[turn] ?? null;
      const negative: Stating =
        other === null
          ? { subject: null, message: null }
          : {
              // Subjects and messages may be lists of their own, of different lengths.
              subject: inTurn(contrast.otherSubjects ?? [], other) ?? null,
              message: contrast.others[other] ?? null,
            };
      const what = positive
        ? 'the request for a text about the concept'
        : 'the request for a text of the contrast';
      return { positive, index, kind, what, ...write(kind, turn, positive ? own : negative) };
    }),
  );
}

function kindsOf({ model, subjectOnly }: RecipeRequest, contrast: Contrast): readonly TextKind[] {
  const subjects = contrast.ownSubject !== null && contrast.otherSubjects !== null;
  // A model without a chat template answers no questions.
  const messages = !subjectOnly && model.chatTemplate !== null;
  if (subjects) return messages ? ['about', 'answer'] : ['about'];
  return ['open'];
}

type Written = Pick<PlannedText, 'prompt' | 'readAfter' | 'instructions'>;
type Writer = (kind: TextKind, turn: number, stating: Stating) => Written;

const asked: Writer = (kind, turn, { subject, message }) => {
  if (kind === 'about') {
    const form = subject === null ? pick(openForms, turn) : messageOf(pick(textForms, turn), subject);
    return { prompt: plain(form), readAfter: plain(pick(neutralPrompts, turn)), instructions: [form] };
  }
  const text = pick(kind === 'answer' ? questions : openForms, turn);
  const readAfter = plain(kind === 'answer' ? text : pick(neutralPrompts, turn));
  return { prompt: { text, message }, readAfter, instructions: message === null ? [] : [message] };
};

/** For a model without a chat template: it goes on from a beginning. */
const continued: Writer = (kind, turn, { subject, message }) => {
  const readAfter = plain(pick(neutralLeadIns, turn));
  if (kind === 'about') {
    const beginning = subject === null ? pick(openLeadIns, turn) : messageOf(pick(leadIns, turn), subject);
    return { prompt: plain(beginning), readAfter, instructions: [beginning] };
  }
  const text = pick(openLeadIns, turn);
  return { prompt: { text, message }, readAfter, instructions: message === null ? [] : [message] };
};

const plain = (text: string): Said => ({ text, message: null });

/** How this model reads what is said. @param own the concept's message */
export function encoder(model: LoadedModel, own: string): Encode {
  if (model.chatTemplate === null)
    return ({ text, message }) =>
      model.tokenizer.encode(
        literalText(model.tokenizer, message === null ? text : `${message}\n\n${text}`),
        { addSpecialTokens: true },
      );
  const role = conceptRole(model, own);
  return ({ text, message }) =>
    questionTokens(model, text, message === null ? null : { prefix: message, role });
}

const inTurn = <T>(list: readonly T[], index: number): T | undefined => list[index % list.length];
const pick = (list: readonly string[], turn: number) => inTurn(list, turn) as string;
