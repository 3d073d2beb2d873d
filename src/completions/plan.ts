/**
 * From a request to sequences for the engine. Everything that can be wrong with a request is found here or where its
 * body is parsed, before a token is made or a byte is sent.
 */
import { unixSeconds } from '../common/stamps.js';
import { conceptsAtHand, type ModelsAndConcepts } from '../concepts/concept-lookup.js';
import type { ModelShape, Sampling, SequenceRequest } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { SteeringReceipt } from '../schemas/steering-receipt.js';
import { conceptNames } from '../steering/asked-concepts.js';
import { type AskedSteering, askedSteering } from '../steering/asked-steering.js';
import { checkLayerValues, type Monitor, resolveMonitors } from '../steering/monitor.js';
import { receiptOverPrompts } from '../steering/receipt.js';
import { resolveSteering } from '../steering/resolve.js';
import { checkedConstraint } from './answer-constraint.js';
import { type AnswerReading, answerReading } from './answer-reading.js';
import { CachedTokens } from './cached-tokens.js';
import { namedModel } from './model-alias.js';
import type { NeutralRequest } from './neutral-request.js';
import { answerLength, checkTokens, encodePrompts } from './prompt.js';
import { quietParts } from './quiet-parts.js';
import { checkLogprobs } from './reply-size.js';
import { type ResolvedSampling, resolveSampling } from './sampling.js';
import { truncated } from './truncation.js';

/** Prompts times choices of one request. */
const maxSequences = 256;

export interface CompletionPlan {
  readonly request: NeutralRequest;
  /** Unix seconds. */
  readonly created: number;
  readonly model: LoadedModel;
  /** The name that the request gave the model, or its id. */
  readonly modelName: string;
  /** How the answers are read. */
  readonly reading: AnswerReading;
  /** In the order of their index in the reply. */
  readonly choices: readonly Choice[];
  /** Where the reply says what steered: once, or in each choice of a request that compares steerings. */
  readonly receiptsIn: 'reply' | 'choices';
  /** What steered all choices alike; empty for a request that compares steerings. */
  readonly receipts: readonly SteeringReceipt[];
  /** Empty when nothing is monitored. */
  readonly monitors: readonly Monitor[];
  readonly sampling: ResolvedSampling;
  /** Each prompt counted once, however many choices it has. */
  readonly promptTokens: number;
  /** Of the prompts' tokens, those that the engine knew: filled as choices begin. */
  readonly cached: CachedTokens;
}

interface Choice {
  readonly sequence: SequenceRequest;
  /** Empty when nothing steers. */
  readonly receipts: readonly SteeringReceipt[];
}

/**
 * @param signal ends the waiting for a model that is loading, and for grammars to be checked
 * @throws SteerdError what is wrong with the request for this model and its concepts
 */
export async function planCompletion(
  request: NeutralRequest,
  { models, concepts }: ModelsAndConcepts,
  signal?: AbortSignal,
): Promise<CompletionPlan> {
  const { answer, fields } = request;
  const asked = await namedModel(request.prompt.model, models, signal);
  const { model } = asked;
  const { shape } = model.engine;
  const steering = askedSteering(answer.steering, asked.steering);
  checkSlots(answer.n, steering, shape);

  const most = Math.max(1, Math.floor(maxSequences / (answer.n * steering.alternatives.length)));
  const encoded = await encodePrompts(request, model, most);
  // One token of the answer needs room, too.
  const prompts = encoded.map((prompt) => truncated(prompt, request.prompt.truncation, shape.capacity - 1));
  // Before anything is paid for: a prompt that does not fit needs no grammar.
  const lengths = prompts.map((prompt, i) => {
    const field = prompts.length > 1 ? `${fields.prompt}.${i}` : fields.prompt;
    return answerLength(field, prompt.length, model, request);
  });
  const logitBias = toLogitBias(answer.logitBias, shape);
  checkTokens('stop_token_ids', answer.stop.tokens, shape);
  const named = conceptNames([...steering.alternatives.flatMap(({ items }) => items), ...answer.monitor]);
  const atHand = await conceptsAtHand(concepts, model.id, named);
  const context = { model: { id: model.id, shape }, concepts: atHand };
  const monitors = resolveMonitors(answer.monitor, context);
  const resolved = resolveSampling(answer.sampling, model);
  // Each of a chat's choices has the same prompt; a text has neither reasoning nor tools.
  const reading = answerReading(request, model, prompts[0] ?? []);
  const { constraint, calls } = await checkedConstraint(model, answer.constraint, reading, signal);
  const common = {
    stopTokens: [...(answer.stop.atEndTokens ? model.stopTokens : []), ...answer.stop.tokens],
    minTokens: answer.minTokens,
    ...(monitors.length > 0 && { monitor: monitors.map(({ vectors }) => vectors) }),
    ...wantedLogprobs(request),
    ...barredTokens(request, model),
    ...(constraint && { constraint: constraint.source, constraintField: constraint.field }),
    priority: 'interactive',
  } satisfies Partial<SequenceRequest>;

  const choices = prompts.flatMap((prompt, i) => {
    const maxTokens = lengths[i] ?? 1;
    if (answer.minTokens > maxTokens) {
      throw errors.invalidValue('min_tokens', `at most the answer's length (${maxTokens})`, answer.minTokens);
    }
    return steering.alternatives.flatMap(({ items, budget, list, suspend = [] }, a) => {
      const quiet = quietParts(suspend, answer.constraint, { ...reading, calls });
      const { edit, receipts } = resolveSteering(items, {
        ...context,
        promptLength: prompt.length,
        answerTokens: maxTokens,
        budget,
        list,
        ...(steering.compared && { field: `steering.choices.${a}` }),
      });
      return Array.from({ length: answer.n }, (_, choice): Choice => {
        const seed = seedOfChoice(resolved.values.seed, choice);
        const sampling = { ...resolved.values, logitBias, seed };
        return {
          sequence: { prompt, maxTokens, sampling, edit, ...common, ...(quiet && { quiet }) },
          receipts,
        };
      });
    });
  });
  checkLogprobs(
    choices.map(({ sequence }) => sequence),
    request,
  );
  const mostTokens = choices.reduce((sum, { sequence }) => sum + sequence.maxTokens, 0);
  checkLayerValues(monitors, mostTokens, 'monitor', `lower ${fields.maxTokens}, n or the number of layers`);
  return {
    request,
    created: unixSeconds(),
    model,
    modelName: asked.name,
    reading: { ...reading, calls },
    choices,
    receiptsIn: steering.compared ? 'choices' : 'reply',
    receipts: steering.compared ? [] : overPrompts(choices.filter((_, i) => i % answer.n === 0)),
    monitors,
    sampling: resolved,
    promptTokens: prompts.reduce((sum, prompt) => sum + prompt.length, 0),
    cached: new CachedTokens(),
  };
}

/** By item: one receipt for all prompts, of which each has a choice here. */
const overPrompts = (choices: readonly Choice[]): readonly SteeringReceipt[] =>
  (choices[0]?.receipts ?? []).map((first, item) =>
    receiptOverPrompts([first, ...choices.slice(1).flatMap(({ receipts }) => receipts[item] ?? [])]),
  );

/** Bounds the choices of one prompt by the slots: more could never run at the same time. */
function checkSlots(n: number, { alternatives }: AskedSteering, { slots }: ModelShape): void {
  if (n > slots) throw errors.invalidValue('n', `at most ${slots}, the slots of this server`, n);
  if (n * alternatives.length > slots) {
    throw errors.invalidRequest(
      `steering.choices times n must be at most ${slots}, the slots of this server; received ${alternatives.length} times ${n}.`,
      'steering.choices',
    );
  }
}

/** The engine takes one count for both the answer's tokens and the prompt's. */
function wantedLogprobs({
  answer: { logprobs, promptLogprobs },
  reply: { echo },
}: NeutralRequest): Pick<SequenceRequest, 'logprobs' | 'promptLogprobs'> {
  if (logprobs === null && promptLogprobs === null) return {};
  return {
    logprobs: Math.max(logprobs ?? 0, promptLogprobs ?? 0),
    promptLogprobs: echo.kind === 'prompt' || echo.kind === 'prompt-only' || promptLogprobs !== null,
  };
}

/** The seed of choice `index` of a prompt. */
const seedOfChoice = (seed: number, index: number): number => (seed + index) % 2 ** 32;

/** @throws SteerdError invalid_value for an id outside the vocabulary */
function toLogitBias(
  biases: Readonly<Record<string, number>>,
  { vocabularySize }: ModelShape,
): Sampling['logitBias'] {
  const entries = Object.entries(biases).map(([key, bias]) => ({ key, token: tokenOf(key), bias }));
  const bad = entries.filter(({ token }) => token < 0 || token >= vocabularySize);
  if (bad.length > 0) {
    throw errors.invalidValue(
      'logit_bias',
      `an object whose keys are token ids from 0 to ${vocabularySize - 1}`,
      bad.map(({ key }) => key).join(', '),
    );
  }
  return entries.map(({ token, bias }): readonly [number, number] => [token, bias]);
}

/** -1 for what is no id. */
const tokenOf = (key: string): number => (/^\d{1,15}$/.test(key) ? Number(key) : -1);

/** @throws SteerdError for ids outside the vocabulary, and for a list that leaves no token to sample */
function barredTokens(
  { answer, fields }: NeutralRequest,
  model: LoadedModel,
): Pick<SequenceRequest, 'allowedTokens' | 'badWords'> {
  const { allowedTokens, badWords } = answer;
  if (allowedTokens !== null) {
    checkTokens('allowed_token_ids', allowedTokens, model.engine.shape);
    if (answer.constraint !== null || answer.calls !== null) {
      throw errors.invalidRequest(
        `allowed_token_ids must be left out with ${fields.format}, structured_outputs or tools.`,
        'allowed_token_ids',
      );
    }
    const ends = new Set([...model.stopTokens, ...answer.stop.tokens]);
    if (answer.minTokens > 0 && allowedTokens.every((token) => ends.has(token))) {
      throw errors.invalidRequest(
        'allowed_token_ids must have a token that is no stop token when min_tokens is above 0.',
        'allowed_token_ids',
      );
    }
  }
  const words = badWords
    .flatMap((word) => [word, ` ${word.trimStart()}`])
    .map((text) => model.tokenizer.encode(text, { addSpecialTokens: false }));
  return {
    ...(allowedTokens === null ? {} : { allowedTokens }),
    ...(words.length === 0 ? {} : { badWords: words.filter((tokens) => tokens.length > 0) }),
  };
}
