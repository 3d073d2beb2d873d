/**
 * One concept by several recipes: fitted, its strength 1 found as a calibration finds it but briefly, and judged by answers
 * to questions that neither has seen.
 */
import type { Concept } from '../../src/concepts/concept.js';
import { fitConcept } from '../../src/fitting/fit-concept.js';
import { fitPlan } from '../../src/fitting/fit-plan.js';
import { statementOf } from '../../src/fitting/measure/concept-statement.js';
import { explainedBy } from '../../src/fitting/measure/confusion.js';
import {
  type JudgedAnswer,
  type Scores,
  scoresOf,
  toldEvidence,
} from '../../src/fitting/measure/steering-scores.js';
import { findStrength } from '../../src/fitting/measure/strength-search.js';
import {
  type Selection,
  StrengthTrials,
  type TriedAnswer,
} from '../../src/fitting/measure/strength-trials.js';
import { editAt, unitEdit } from '../../src/fitting/measure/unit-edit.js';
import { defaultStatements } from '../../src/fitting/statements/index.js';
import { heldOutQuestions } from '../../src/fitting/statements/questions.js';
import type { LoadedModel } from '../../src/models/model.js';
import type { ContrastKind, MethodName, RecipeName } from '../../src/schemas/fit-choices.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { type TableConcept, tableConcepts, tableQuestions } from './concepts.js';

/** How a concept is fitted. */
export interface Way {
  readonly recipe: RecipeName;
  readonly method: MethodName;
  readonly contrast: ContrastKind;
}

/** The paper's own first, then the same with a contrast, then the others. */
export const ways: readonly Way[] = [
  { recipe: 'attention', method: 'rfm', contrast: 'none' },
  { recipe: 'attention', method: 'rfm', contrast: 'others' },
  { recipe: 'responses', method: 'mean_difference', contrast: 'others' },
  { recipe: 'texts', method: 'mean_difference', contrast: 'others' },
];

/** An answer to one of the table's questions. */
export interface TableAnswer {
  /** Index into the table's questions. */
  readonly question: number;
  readonly text: string;
  readonly judged: JudgedAnswer;
  /** Index of the table's concept whose message explains it best; null for an empty answer, and for plain ones. */
  readonly explainedBy: number | null;
}

export interface Combination {
  readonly way: Way;
  /** Of strength 1. */
  readonly share: number;
  /** Of the answers at strength 1. */
  readonly scores: Scores;
  readonly answers: readonly TableAnswer[];
}

export interface ConceptRow {
  readonly concept: TableConcept;
  /** Evidence of told over plain answers, nats per token. */
  readonly toldEvidence: number;
  readonly plain: readonly TableAnswer[];
  /** The model is told the concept instead of being steered. */
  readonly told: readonly TableAnswer[];
  readonly combinations: readonly Combination[];
}

const signal = new AbortController().signal;
const onProgress = () => {};
const maxTokens = 24;
/** Strength 1 is looked for with half the questions of a calibration, greedily, and at two shares around a glance's. */
const calibrating = 8;
const around = [0.8, 1.2] as const;
const greedily = (count: number): Selection => ({
  questions: Array.from({ length: count }, (_, question) => question),
  sampled: false,
});

/** @param statements of each side that recipe `attention` reads. */
export async function measureConcept(
  model: LoadedModel,
  concept: TableConcept,
  statements: number,
): Promise<ConceptRow> {
  const trialsOf = (questions: readonly string[]) =>
    new StrengthTrials({
      model,
      statement: statementOf({ name: concept.subject, record: recordOf(concept) }),
      questions,
      maxTokens,
      signal,
      onProgress,
    });
  const trials = trialsOf(heldOutQuestions.slice(0, calibrating));
  const table = trialsOf(tableQuestions);
  const asked = greedily(tableQuestions.length);
  const { plain, told, plainAnswers, toldAnswers } = await table.referencesOf(asked);
  const measured: (Omit<Combination, 'answers'> & { readonly tried: readonly TriedAnswer[] })[] = [];
  for (const way of ways) {
    const fitted = await fit(model, concept, way, statements);
    const unit = unitEdit(fitted, fitted.residualNorms);
    const edit = (share: number) => editAt(fitted, unit, share);
    const { one } = await findStrength(trials, { editAt: edit, selection: greedily(calibrating), around });
    const [tried = []] = await table.steered([edit(one)], asked);
    const scores = scoresOf(
      tried.map(({ judged }) => judged),
      { plain, told },
    );
    measured.push({ way, share: one, scores, tried });
  }
  // All in one read: each message is read once for each question.
  const explained = await explainedBy(
    model,
    tableConcepts.map(({ prefix }) => prefix),
    tableQuestions,
    [toldAnswers, ...measured.map(({ tried }) => tried)].flat(),
    signal,
  );
  const withText = (answers: readonly TriedAnswer[], by: readonly (number | null)[] = []): TableAnswer[] =>
    answers.map(({ question, tokens, judged }, index) => ({
      question,
      text: model.tokenizer.decode(tokens, { skipSpecialTokens: true }),
      judged,
      explainedBy: by[index] ?? null,
    }));
  return {
    concept,
    toldEvidence: toldEvidence({ plain, told }) ?? 0,
    plain: withText(plainAnswers),
    told: withText(toldAnswers, explained),
    combinations: measured.map(({ tried, ...combination }, i) => ({
      ...combination,
      answers: withText(tried, explained.slice((i + 1) * tableQuestions.length)),
    })),
  };
}

const recordOf = ({ prefix }: TableConcept): Concept['record'] => ({
  recipe: 'table',
  method: 'table',
  prefix,
  seed: 0,
  details: {},
});

/** As a request for it would be, but for the statements that recipe `attention` reads. */
function fit(model: LoadedModel, { group, subject }: TableConcept, way: Way, statements: number) {
  const { positive, negative } = defaultStatements;
  const request = FitRequest.parse({
    name: 'table',
    ...way,
    class: group,
    subject,
    calibrate: false,
    ...(way.recipe === 'attention'
      ? { statements: { positive: positive.slice(0, statements), negative: negative.slice(0, statements) } }
      : {}),
  });
  return fitConcept(fitPlan(request).candidates[0], model, signal);
}
