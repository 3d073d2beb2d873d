/** Answers that are given, from wherever they are, read by the unsteered model as a calibration reads its own. */
import type { LoadedModel } from '../../models/model.js';
import type { Judgement, JudgeRequest } from '../../schemas/judge.js';
import { statementOf } from './concept-statement.js';
import { explainedBy } from './confusion.js';
import { Judge } from './judge.js';
import { short } from './short.js';
import type { JudgedAnswer } from './steering-scores.js';

/**
 * @throws SteerdError context_length_exceeded for a message, a question and an answer that do not fit together; what the
 *   engine throws; the signal's reason when aborted
 */
export async function judgeGiven(
  { questions, prefix, others, among, foreign, answers }: JudgeRequest,
  model: LoadedModel,
  signal: AbortSignal,
): Promise<Judgement> {
  const given = answers.map(({ question, answer, sampled, unsteered, compared }) => ({
    ...{ question, sampled, unsteered, compared },
    tokens: model.tokenizer.encode(answer, { addSpecialTokens: false }),
  }));
  const longest = Math.max(1, ...given.map(({ tokens }) => tokens.length));
  const nobody = { recipe: '', method: '', prefix: '', seed: 0, details: {} };
  const statement = statementOf({ name: '', record: nobody }, prefix, others);
  const judge = new Judge(model, statement, questions, longest);
  const judged = await judge.judge(given, signal, { foreign });
  const held = given.filter(({ compared }) => compared);
  const explained =
    among === undefined || held.length === 0 ? [] : await explainedBy(model, among, questions, held, signal);
  const explanations = new Map(held.map((answer, index) => [answer, explained[index] ?? null]));
  return {
    object: 'steering.judgement',
    model: model.id,
    others: [...(statement?.decoys ?? [])],
    data: given.map((answer, index) => {
      const { question, tokens } = answer;
      const { evidence, identified, logProbability, relevance, distinct2, failed } = judged[
        index
      ] as JudgedAnswer;
      return {
        question,
        tokens: tokens.length,
        evidence: evidence === null ? null : short(evidence),
        identified,
        log_probability: short(logProbability),
        relevance: short(relevance),
        distinct_2: short(distinct2),
        failed,
        explained_by: explanations.get(answer) ?? null,
      };
    }),
  };
}
