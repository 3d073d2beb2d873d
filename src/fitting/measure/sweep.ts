/** A sweep: every prompt under every concept at every strength, as one batch, each answer judged by the model. */
import { type ConceptLookup, conceptAtHand, conceptsAtHand } from '../../concepts/concept-lookup.js';
import { greedy } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';
import { type Sweep, type SweepRequest, sweepItem } from '../../schemas/measurements.js';
import { SteeringItem } from '../../schemas/steering.js';
import type { SteeringReceipt } from '../../schemas/steering-receipt.js';
import { resolveSteering } from '../../steering/resolve.js';
import type { OnProgress } from '../recipes/recipe.js';
import { meanOf } from './steering-scores.js';
import { runTrials, type Trial, type TrialResult } from './trial.js';
import { chatPrompts } from './trial-prompts.js';

interface Combination {
  readonly concept: string;
  readonly strength: number;
}

interface Run extends Combination {
  readonly prompt: number;
  readonly trial: Trial;
  readonly receipt: SteeringReceipt;
}

/**
 * @throws SteerdError when a concept or its steering cannot be applied, or a prompt is too long: before anything
 *   runs; the signal's reason when aborted.
 */
export async function sweep(
  request: SweepRequest,
  model: LoadedModel,
  library: Parameters<typeof conceptsAtHand>[0],
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<Sweep> {
  const combinations = request.concepts.flatMap((concept) =>
    request.strengths.map((strength): Combination => ({ concept, strength })),
  );
  const concepts = await conceptsAtHand(library, model.id, request.concepts);
  const runs = allRuns(request, combinations, model, concepts);
  const sampling = {
    ...greedy,
    temperature: request.temperature,
    topP: request.top_p,
    seed: request.seed,
  };
  const trials = runs.map(({ trial }) => trial);
  const results = await runTrials(model, trials, {
    maxTokens: request.max_tokens,
    sampling,
    signal,
    onProgress,
  });
  return {
    object: 'steering.sweep',
    model: model.id,
    data: runs.map(({ prompt, concept, strength }, index) => {
      const { tokens, finish, ...measures } = results[index] as TrialResult;
      return {
        prompt,
        concept,
        strength,
        answer: model.tokenizer.decode(tokens, { skipSpecialTokens: true }),
        tokens: tokens.length,
        finish_reason: finish,
        ...asFields(measures),
      };
    }),
    summary: combinations.map((combination, index) => {
      const ofThis = results.filter((_, run) => run % combinations.length === index);
      return {
        ...combination,
        ...asFields({
          evidence: meanOf(ofThis.map(({ evidence }) => evidence)),
          logProbability: meanOf(ofThis.map(({ logProbability }) => logProbability)),
          distinct2: meanOf(ofThis.map(({ distinct2 }) => distinct2)) ?? 0,
        }),
        steering: (runs[index] as Run).receipt,
      };
    }),
  };
}

function allRuns(
  request: SweepRequest,
  combinations: readonly Combination[],
  model: LoadedModel,
  concepts: ConceptLookup,
): Run[] {
  const { shape } = model.engine;
  const chats = request.prompts.map((prompt) =>
    typeof prompt === 'string' ? [{ role: 'user' as const, content: prompt }] : prompt,
  );
  const stated = new Map(
    request.concepts.map((name, index) => {
      const { record } = conceptAtHand(concepts, model.id, name, `concepts.${index}`);
      return [name, chatPrompts(model, chats, record.prefix, request.max_tokens)];
    }),
  );
  return chats.flatMap((_, prompt) =>
    combinations.map(({ concept, strength }): Run => {
      const pair = stated.get(concept)?.pairs[prompt];
      if (pair === undefined) throw new Error(`no prompt ${prompt} for ${concept}`);
      const item = SteeringItem.parse(sweepItem(request, concept, strength));
      const promptLength = pair.prompt.length;
      const answerTokens = request.max_tokens;
      const context = { model: { id: model.id, shape }, concepts, promptLength, answerTokens };
      const { edit, receipts } = resolveSteering([item], context);
      return { prompt, concept, strength, trial: { ...pair, edit }, receipt: receipts[0] as SteeringReceipt };
    }),
  );
}

const asFields = ({
  evidence,
  logProbability,
  distinct2,
}: Pick<TrialResult, 'evidence' | 'logProbability' | 'distinct2'>) => ({
  evidence,
  log_probability: logProbability,
  distinct_2: distinct2,
});
