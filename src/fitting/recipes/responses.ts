/**
 * Recipe `responses`, after persona vectors (arXiv 2507.21509): the model answers open questions under a message that
 * states the concept, and under the contrast's. In a contrast both sides carry a message of the same form, and an
 * answer is read back after its question alone, so that nothing of the messages is left in what is read. With contrast
 * `none` the negatives carry no message, and answers are read where they were given, as in the paper. With hard labels
 * an example is one answer, the mean of the block outputs over the answer's tokens but attention sinks; with soft labels
 * it is one token of an answer, where it was given, for its attention to the message (answer-tokens.ts).
 */
import { createHash } from 'node:crypto';
import { periodicYield } from '../../common/yielding.js';
import { errors } from '../../errors.js';
import { contrastOf, contrastRecord, negativeSide } from '../contrast/contrast.js';
import { questions } from '../statements/questions.js';
import { type Answer, readAnswerTokens } from './answer-tokens.js';
import { answerAll, checkRoom, readAnswers } from './answers.js';
import {
  conceptRole,
  defaultSystemMessage,
  questionTokens,
  type Stated,
  statedSpan,
} from './concept-prompt.js';
import { longest } from './prompt-parts.js';
import type { LabelledFeatures, Recipe, RecipeContext, RecipeRequest } from './recipe.js';

const fewestAnswers = 2;
/**
 * How often each of our questions is asked on the side of the others, under another message each time. With one round
 * the chance in 32 answers, which all concepts of a model share, is 0.4 of what a concept differs by: the mean cosine of
 * five shipped concepts was 0.40 to 0.48 on the embedded model, and 0.33 with three rounds.
 */
const roundsOfOthers = 3;
const noSpan = [0, 0] as const;

export const responses: Recipe = { check, collect };

/** A question as it is asked: an answer yet to come. */
interface Asked {
  readonly positive: boolean;
  /** What is answered. */
  readonly prompt: readonly number[];
  /** What the answer is read after. */
  readonly readAfter: readonly number[];
  readonly span: readonly [start: number, end: number];
}

/** How the two sides are stated. */
interface Sides {
  readonly positive: Stated;
  /** Of the negatives, by index of the contrast's others. */
  readonly others: readonly Stated[];
}

function sidesOf(request: RecipeRequest): Sides {
  const contrast = contrastOf(request);
  const role = conceptRole(request.model, contrast.own);
  // Without a contrast the negatives keep the template's own message: so do the positives, before the concept.
  const before =
    contrast.kind === 'none' && role === 'system'
      ? (defaultSystemMessage(request.model) ?? undefined)
      : undefined;
  return {
    positive: { prefix: contrast.own, role, before },
    others: contrast.others.map((prefix) => ({ prefix, role })),
  };
}

function check(request: RecipeRequest): void {
  const { model, statements } = request;
  const { positive, others } = sidesOf(request);
  const question = longest(statements?.positive ?? questions);
  checkRoom(questionTokens(model, question, positive), 'prefix with a question', request);
  const prefix = longest(others.map((other) => other.prefix));
  if (others.length === 0) return;
  const asked = longest(statements?.negative ?? questions);
  checkRoom(questionTokens(model, asked, { ...positive, prefix }), othersWithQuestion, request);
}

const othersWithQuestion = 'a message of the contrast with a question';

async function collect(context: RecipeContext): Promise<LabelledFeatures> {
  const contrast = contrastOf(context);
  const sides = sidesOf(context);
  const asked = await allQuestions(context, sides);
  const tokens = await answerAll(asked, 'answer', context);
  const answers = asked
    .map(
      ({ positive, readAfter, span }, i): Answer => ({
        positive,
        prompt: readAfter,
        span,
        tokens: tokens[i] ?? [],
      }),
    )
    .filter((answer) => answer.tokens.length > 0);
  const positives = answers.filter((answer) => answer.positive).length;
  for (const [side, count] of [
    ['with the prefix', positives],
    [
      contrast.kind === 'none' ? 'without the prefix' : "with the contrast's messages",
      answers.length - positives,
    ],
  ] as const) {
    if (count >= fewestAnswers) continue;
    throw errors.fitImpossible(
      `model ${context.model.id} gave ${count} answers ${side} that are not empty (at least ${fewestAnswers} are needed); ask other questions in statements`,
    );
  }
  const soft = context.labels === 'soft';
  const { details, ...read } = soft
    ? await readAnswerTokens(answers, context)
    : await readAnswers(answers, context);
  return {
    hiddenSize: context.model.engine.shape.hiddenSize,
    attention: null,
    layerDetails: null,
    ...read,
    details: {
      prefix_role: sides.positive.role,
      ...(sides.positive.before === undefined ? {} : { prefix_after: 'default_system_message' }),
      questions_sha256: createHash('sha256')
        .update(JSON.stringify(questionsOf(context)))
        .digest('hex'),
      positives,
      negatives: answers.length - positives,
      empty: asked.length - answers.length,
      max_tokens: context.maxTokens,
      ...contrastRecord(contrast),
      ...(contrast.kind === 'none' ? {} : { read: soft ? 'in_place' : 'plain' }),
      ...details,
    },
  };
}

function questionsOf(context: RecipeContext) {
  const rounds = contrastOf(context).kind === 'others' ? roundsOfOthers : 1;
  return (
    context.statements ?? {
      positive: questions,
      negative: Array.from({ length: rounds }, () => questions).flat(),
    }
  );
}

async function allQuestions(context: RecipeContext, sides: Sides): Promise<Asked[]> {
  const { model, labels } = context;
  const contrast = contrastOf(context);
  const yieldIfDue = periodicYield(context.signal);
  const { positive, negative } = questionsOf(context);
  const side = negativeSide(contrast, negative.length);
  const asked: Asked[] = [];
  const ask = async (isPositive: boolean, question: string, stated: Stated | null, what: string) => {
    const prompt = questionTokens(model, question, stated);
    checkRoom(prompt, what, context);
    const inPlace = contrast.kind === 'none' || labels === 'soft' || stated === null;
    const readAfter = inPlace ? prompt : questionTokens(model, question, null);
    // The template's own message may be longer than the one that was answered under.
    if (!inPlace) checkRoom(readAfter, 'a question', context);
    const span =
      isPositive && stated !== null && labels === 'soft' ? statedSpan(model, question, stated) : noSpan;
    asked.push({ positive: isPositive, prompt, readAfter, span });
    await yieldIfDue();
  };
  for (const question of positive)
    await ask(true, question, sides.positive, 'prefix with a question of statements.positive');
  for (const [index, question] of negative.entries()) {
    const other = side[index] ?? null;
    const stated = other === null ? null : (sides.others[other] as Stated);
    const what = stated === null ? 'a question of statements.negative' : othersWithQuestion;
    await ask(false, question, stated, what);
  }
  return asked;
}
