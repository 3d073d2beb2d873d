/**
 * From a request to sequences for the engine. Everything that can be wrong with a request is found here or where its
 * body is parsed, before a token is made or a byte is sent.
 */
import { unixSeconds } from '../common/stamps.js';
import type { ModelsAndConcepts } from '../concepts/concept-lookup.js';
import type { ModelShape, SequenceRequest } from '../engine/protocol.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { SteeringReceipt } from '../schemas/steering.js';
import { checkLayerValues, type Monitor, resolveMonitors } from '../steering/monitor.js';
import { type AskedSteering, askedSteering, resolveSteering } from '../steering/resolve.js';
import { namedModel } from './model-alias.js';
import type { NeutralRequest } from './neutral-request.js';
import { answerLength, checkTokens, promptTokens } from './prompt.js';
import { barredTokens, seedOfChoice, toLogitBias } from './sampling.js';

/** Prompts times choices of one request. */
const maxSequences = 256;

export interface CompletionPlan {
  readonly request: NeutralRequest;
  /** Unix seconds. */
  readonly created: number;
  readonly model: LoadedModel;
  /** The name that the request gave the model, or its id. */
  readonly modelName: string;
  /** In the order of their index in the reply. */
  readonly choices: readonly Choice[];
  /** Where the reply says what steered: once, or in each choice of a request that compares steerings. */
  readonly receiptsIn: 'reply' | 'choices';
  /** Empty when nothing is monitored. */
  readonly monitors: readonly Monitor[];
  /** Each prompt counted once, however many choices it has. */
  readonly promptTokens: number;
}

export interface Choice {
  readonly sequence: SequenceRequest;
  /** Empty when nothing steers. */
  readonly receipts: readonly SteeringReceipt[];
}

/**
 * @param signal ends the waiting for a model that is loading
 * @throws SteerdError what is wrong with the request for this model and its concepts
 */
export async function planCompletion(
  request: NeutralRequest,
  { models, concepts }: ModelsAndConcepts,
  signal?: AbortSignal,
): Promise<CompletionPlan> {
  const { answer, fields } = request;
  const named = await namedModel(request.prompt.model, models, signal);
  const { model } = named;
  const { shape } = model.engine;
  const context = { model: { id: model.id, shape }, concepts };
  const steering = askedSteering(answer.steering, named.steering);
  checkSlots(answer.n, steering, shape);

  const most = Math.max(1, Math.floor(maxSequences / (answer.n * steering.alternatives.length)));
  const prompts = await promptTokens(request, model, most);
  const logitBias = toLogitBias(answer.logitBias, shape);
  checkTokens('stop_token_ids', answer.stop.tokens, shape);
  const monitors = resolveMonitors(answer.monitor, context);
  const ofAll = {
    stopTokens: [...(answer.stop.atEndTokens ? model.stopTokens : []), ...answer.stop.tokens],
    minTokens: answer.minTokens,
    ...(monitors.length > 0 && { monitor: monitors.map(({ vectors }) => vectors) }),
    ...wantedLogprobs(request),
    ...barredTokens(request, model),
    ...(answer.constraint && {
      constraint: answer.constraint.source,
      constraintField: answer.constraint.field,
    }),
    priority: 'interactive',
  } satisfies Partial<SequenceRequest>;

  const choices = prompts.flatMap((prompt, i) => {
    const field = prompts.length > 1 ? `${fields.prompt}.${i}` : fields.prompt;
    const maxTokens = answerLength(field, prompt.length, shape, request);
    if (answer.minTokens > maxTokens) {
      throw errors.invalidValue('min_tokens', `at most the answer's length (${maxTokens})`, answer.minTokens);
    }
    return steering.alternatives.flatMap((items, a) => {
      const { edit, receipts } = resolveSteering(items, {
        ...context,
        promptLength: prompt.length,
        ...(steering.compared && { field: `steering.choices.${a}` }),
      });
      return Array.from({ length: answer.n }, (_, i): Choice => {
        const seed = seedOfChoice(answer.sampling.seed, i);
        const sampling = { ...answer.sampling, logitBias, seed };
        return { sequence: { prompt, maxTokens, sampling, edit, ...ofAll }, receipts };
      });
    });
  });
  const mostTokens = choices.reduce((sum, { sequence }) => sum + sequence.maxTokens, 0);
  checkLayerValues(monitors, mostTokens, 'monitor', `lower ${fields.maxTokens}, n or the number of layers`);
  return {
    request,
    created: unixSeconds(),
    model,
    modelName: named.name,
    choices,
    receiptsIn: steering.compared ? 'choices' : 'reply',
    monitors,
    promptTokens: prompts.reduce((sum, prompt) => sum + prompt.length, 0),
  };
}

/** More than the slots could never run together. */
function checkSlots(n: number, { alternatives }: AskedSteering, { slots }: ModelShape): void {
  if (n > slots) throw errors.invalidValue('n', `at most ${slots}, the slots of this server`, n);
  if (n * alternatives.length > slots) {
    throw errors.invalidRequest(
      `steering.choices times n must be at most ${slots}, the slots of this server; received ${alternatives.length} times ${n}.`,
      'steering.choices',
    );
  }
}

/** The engine has one count for the answer's tokens and the prompt's. */
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
