/** Projections of a given text or chat onto concepts, token by token, without steering. */
import { conceptsAtHand, type ModelsAndConcepts } from '../concepts/concept-lookup.js';
import { errors } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import type { Score, ScoreRequest } from '../schemas/score.js';
import { conceptNames } from '../steering/asked-concepts.js';
import {
  checkLayerValues,
  type Monitor,
  type Reading,
  readings,
  resolveMonitors,
  short,
} from '../steering/monitor.js';
import { tokenPieces } from '../text/token-pieces.js';
import { chatPrompt, checkTokens, textPrompts } from './prompt.js';

/** @throws SteerdError whatever is wrong with the request; queue_full, engine_failed; the signal's reason */
export async function scoreText(
  body: ScoreRequest,
  services: ModelsAndConcepts,
  signal: AbortSignal,
): Promise<Score> {
  const model = await services.models.get(body.model ?? undefined, signal);
  const { engine } = model;
  const concepts = await conceptsAtHand(services.concepts, model.id, conceptNames(body.concepts));
  const monitors = resolveMonitors(
    body.concepts,
    { model: { id: model.id, shape: engine.shape }, concepts },
    'concepts',
  );
  const tokens = await tokensOf(body, model);
  checkLayerValues(monitors, tokens.length, 'concepts', 'shorten the text or list fewer layers');
  const vectors = monitors.map((monitor) => monitor.vectors);
  const projections = await engine.project({ tokens, vectors, priority: 'interactive' }, signal);
  const { layers } = engine.shape;
  const read = tokens.map((_, position) =>
    readings(
      monitors,
      (m, layer) => projections[(m * layers + layer) * tokens.length + position] ?? Number.NaN,
    ),
  );
  const pieces = tokenPieces(model.tokenizer, tokens);
  return {
    object: 'steering.score',
    model: model.id,
    text: pieces.join(''),
    tokens: withOffsets(tokens, pieces),
    concepts: monitors.map((monitor, m) =>
      conceptScore(
        monitor,
        read.map((row) => row[m] as Reading),
      ),
    ),
    usage: { prompt_tokens: tokens.length, total_tokens: tokens.length },
  };
}

async function tokensOf(body: ScoreRequest, model: LoadedModel): Promise<readonly number[]> {
  const { input, messages } = body;
  const asText = input !== undefined && input !== null;
  const asChat = messages !== undefined && messages !== null;
  if (asText === asChat) {
    throw errors.invalidRequest(
      `${asText ? 'only one' : 'one'} of input and messages must be given.`,
      'input',
    );
  }
  if (!asChat && typeof body.add_generation_prompt === 'boolean') {
    throw errors.invalidValue(
      'add_generation_prompt',
      'left out without messages',
      body.add_generation_prompt,
    );
  }
  const field = asChat ? 'messages' : 'input';
  const tokens = asChat
    ? await chatPrompt(model, messages, {
        ends:
          (body.add_generation_prompt ?? messages.at(-1)?.role !== 'assistant')
            ? 'generation-prompt'
            : 'last-message',
      })
    : ((await textPrompts(model, input ?? '', 1, field))[0] ?? []);
  const { capacity } = model.engine.shape;
  if (tokens.length === 0) throw errors.promptEmpty(field);
  checkTokens(field, tokens, model.engine.shape);
  if (tokens.length > capacity) throw errors.contextLengthExceeded(field, tokens.length, 0, capacity);
  return tokens;
}

function withOffsets(tokens: readonly number[], pieces: readonly string[]): Score['tokens'] {
  let from = 0;
  return tokens.map((id, i) => {
    const text = pieces[i] ?? '';
    const begin = from;
    from += [...text].length;
    return { id, text, from: begin, to: from };
  });
}

function conceptScore({ receipt, perLayer }: Monitor, own: readonly Reading[]): Score['concepts'][number] {
  const values = own.map(({ value }) => value);
  const rest = values.slice(1);
  return {
    ...receipt,
    mean: rest.length === 0 ? null : short(rest.reduce((sum, value) => sum + value, 0) / rest.length),
    values,
    ...(perLayer ? { layer_values: own.map(({ layers }) => [...(layers ?? [])]) } : {}),
  };
}
