/**
 * Recipe `responses`, after persona vectors (arXiv 2507.21509): the model answers open questions with and without a
 * message that states the concept. With hard labels an example is one answer, the mean of the block outputs over the
 * answer's tokens but attention sinks; with soft labels it is one token of an answer (answer-tokens.ts).
 */
import { createHash } from 'node:crypto';
import { mapConcurrent } from '../../common/map-concurrent.js';
import { periodicYield } from '../../common/yielding.js';
import { greedy } from '../../engine/protocol.js';
import { errors } from '../../errors.js';
import { questions } from '../statements/questions.js';
import { type Answer, readAnswerTokens } from './answer-tokens.js';
import { readable, SinkMeter } from './attention-sinks.js';
import { type ConceptRole, conceptRole, questionTokens, statedSpan } from './concept-prompt.js';
import { longest } from './prompt-parts.js';
import { meanOverTokens } from './reading.js';
import type { LabelledFeatures, Recipe, RecipeContext, RecipeRequest } from './recipe.js';

/** Answers in flight: enough to fill a decode batch, few enough to leave slots to interactive requests. */
const concurrency = 4;
const fewestAnswers = 2;
const noSpan = [0, 0] as const;

export const responses: Recipe = { check, collect };

/** A question as it is asked: an answer yet to come. */
type Asked = Omit<Answer, 'tokens'>;

function check({ model, prefix, statements, maxTokens }: RecipeRequest): void {
  const role = conceptRole(model, prefix);
  const { length } = questionTokens(model, longest(statements?.positive ?? questions), { prefix, role });
  const { capacity } = model.engine.shape;
  if (length + maxTokens > capacity) {
    throw errors.contextLengthExceeded('prefix with a question', length, maxTokens, capacity);
  }
}

async function collect(context: RecipeContext): Promise<LabelledFeatures> {
  const role = conceptRole(context.model, context.prefix);
  const asked = await allQuestions(context, role);
  const answers = (await allAnswers(asked, context)).filter((answer) => answer.tokens.length > 0);
  const positives = answers.filter((answer) => answer.positive).length;
  for (const [side, count] of [
    ['with the prefix', positives],
    ['without the prefix', answers.length - positives],
  ] as const) {
    if (count >= fewestAnswers) continue;
    throw errors.fitImpossible(
      `model ${context.model.id} gave ${count} answers ${side} that are not empty (at least ${fewestAnswers} are needed); ask other questions in statements`,
    );
  }
  const features =
    context.labels === 'soft'
      ? await readAnswerTokens(answers, context)
      : await readAnswers(answers, context);
  const { details, ...read } = features;
  return {
    hiddenSize: context.model.engine.shape.hiddenSize,
    attention: null,
    layerDetails: null,
    ...read,
    details: {
      prefix_role: role,
      questions_sha256: createHash('sha256')
        .update(JSON.stringify(sides(context)))
        .digest('hex'),
      positives,
      negatives: answers.length - positives,
      empty: asked.length - answers.length,
      max_tokens: context.maxTokens,
      ...details,
    },
  };
}

const sides = (context: RecipeContext) => ({
  positive: context.statements?.positive ?? questions,
  negative: context.statements?.negative ?? questions,
});

async function allQuestions(context: RecipeContext, role: ConceptRole): Promise<Asked[]> {
  const { model, prefix, maxTokens } = context;
  const { capacity } = model.engine.shape;
  const yieldIfDue = periodicYield(context.signal);
  const { positive, negative } = sides(context);
  const asked: Asked[] = [];
  for (const [isPositive, texts] of [
    [true, positive],
    [false, negative],
  ] as const) {
    for (const question of texts) {
      const prompt = questionTokens(model, question, isPositive ? { prefix, role } : null);
      if (prompt.length + maxTokens > capacity) {
        throw errors.contextLengthExceeded(
          isPositive ? 'prefix with a question of statements.positive' : 'a question of statements.negative',
          prompt.length,
          maxTokens,
          capacity,
        );
      }
      const span =
        isPositive && context.labels === 'soft' ? statedSpan(model, question, { prefix, role }) : noSpan;
      asked.push({ positive: isPositive, prompt, span });
      await yieldIfDue();
    }
  }
  return asked;
}

/** Greedy answers, in the questions' order whatever the order they end in. */
async function allAnswers(asked: readonly Asked[], context: RecipeContext): Promise<Answer[]> {
  const { model, maxTokens, onProgress } = context;
  let done = 0;
  onProgress('answer', done, asked.length);
  return mapConcurrent(asked, concurrency, context.signal, async (question, _, signal) => {
    const tokens: number[] = [];
    const steps = model.engine.generate(
      {
        prompt: question.prompt,
        maxTokens,
        stopTokens: model.stopTokens,
        minTokens: 0,
        sampling: greedy,
        edit: [],
        priority: 'background',
      },
      signal,
    );
    for await (const step of steps) {
      if (step.token !== null) tokens.push(step.token);
    }
    signal.throwIfAborted();
    onProgress('answer', ++done, asked.length);
    return { ...question, tokens };
  });
}

/** Hard labels: an answer is an example. */
async function readAnswers(answers: readonly Answer[], context: RecipeContext) {
  const { engine } = context.model;
  const { layers: depth, hiddenSize } = engine.shape;
  const layers = Array.from({ length: depth }, () => new Float32Array(answers.length * hiddenSize));
  const norms = new Float64Array(depth);
  const yieldIfDue = periodicYield(context.signal);
  const meter = await SinkMeter.of(context.model, context.signal);
  let tokensRead = 0;
  let leftOut = 0;
  context.onProgress('capture', 0, answers.length);
  for (const [i, { prompt, tokens }] of answers.entries()) {
    const positions = tokens.map((_, t) => prompt.length + t);
    const capture = await engine.capture(
      { tokens: [...prompt, ...tokens], positions, span: [0, 0] },
      context.signal,
    );
    const kept = readable(meter.sinks(capture, tokens.length));
    for (let layer = 0; layer < depth; layer++) {
      const row = (layers[layer] as Float32Array).subarray(i * hiddenSize, (i + 1) * hiddenSize);
      norms[layer] = (norms[layer] as number) + meanOverTokens(capture, layer, tokens.length, kept, row);
      await yieldIfDue();
    }
    tokensRead += kept.length;
    leftOut += tokens.length - kept.length;
    context.onProgress('capture', i + 1, answers.length);
  }
  return {
    n: answers.length,
    layers,
    labels: Float32Array.from(answers, (answer) => (answer.positive ? 1 : 0)),
    softLabels: null,
    residualNorms: Float32Array.from(norms, (sum) => sum / tokensRead),
    details: leftOut > 0 ? { left_out: { attention_sinks: leftOut } } : {},
  };
}
