/** Which of several messages explains an answer best: the confusion matrix of concepts. */
import type { LoadedModel } from '../../models/model.js';
import type { GivenAnswer } from './judge.js';
import { chatPrompts } from './trial-prompts.js';

/** Row by the concept that made the answers, column by the message that explains them best: counts of answers. */
export type ConfusionMatrix = readonly (readonly number[])[];

/**
 * For each answer the index of the message after which the unsteered model finds it likeliest; null for an empty one.
 * @param questions what `question` of an answer points to
 */
export async function explainedBy(
  model: LoadedModel,
  messages: readonly string[],
  questions: readonly string[],
  answers: readonly Pick<GivenAnswer, 'question' | 'tokens'>[],
  signal: AbortSignal,
): Promise<(number | null)[]> {
  const said = answers.filter(({ tokens }) => tokens.length > 0);
  const longest = Math.max(0, ...said.map(({ tokens }) => tokens.length));
  const chats = questions.map((content) => [{ role: 'user' as const, content }]);
  // By message, then question.
  const prompts = messages.flatMap((message) =>
    chatPrompts(model, chats, message, longest).pairs.map(({ stated, prompt }) => stated ?? prompt),
  );
  const pairs = said.flatMap(({ question }, answer) =>
    messages.map((_, message) => [message * questions.length + question, answer] as const),
  );
  const scores =
    pairs.length === 0
      ? []
      : await model.engine.scoreMany(
          { prompts, answers: said.map(({ tokens }) => tokens), pairs, priority: 'background' },
          signal,
        );
  const sums = scores.map((values) => values.reduce((sum, value) => sum + value, 0));
  const best = said.map((_, answer) => {
    const row = sums.slice(answer * messages.length, (answer + 1) * messages.length);
    return row.indexOf(Math.max(...row));
  });
  let next = 0;
  return answers.map(({ tokens }) => (tokens.length === 0 ? null : (best[next++] as number)));
}

/**
 * @param explained by the concept that made the answers: `explainedBy` of each
 */
export function confusionMatrix(explained: readonly (readonly (number | null)[])[]): ConfusionMatrix {
  return explained.map((answers) =>
    explained.map((_, message) => answers.filter((by) => by === message).length),
  );
}

/** Answers on the diagonal, of all in the matrix. */
export function identifiedIn(matrix: ConfusionMatrix): { identified: number; answers: number } {
  const identified = matrix.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  return { identified, answers: matrix.flat().reduce((sum, count) => sum + count, 0) };
}
