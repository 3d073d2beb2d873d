/**
 * Recipe `texts`, which needs no obedience: the model writes short texts about the concept's subject and about others
 * ("Write three sentences about ..." works on any model), and each is read back after a prompt that asks for nothing, so
 * that nothing of the instruction is left in what is read: the mean of the block outputs over the text's tokens but
 * attention sinks. Where a message states the concept too, every second text is an answer to a question under that
 * message, read back after the question alone; where there is a message and no subject, all are written under it
 * (text-plan.ts). Texts are sampled, from the seed; those that say nothing, decline or repeat the instruction are left
 * out and counted.
 */
import { createHash } from 'node:crypto';
import { Random } from '../../common/random.js';
import { greedy } from '../../engine/protocol.js';
import { errors } from '../../errors.js';
import { contrastOf, contrastRecord } from '../contrast/contrast.js';
import { questions } from '../statements/questions.js';
import {
  leadIns,
  neutralLeadIns,
  neutralPrompts,
  openForms,
  openLeadIns,
  textForms,
} from '../statements/text-forms.js';
import type { Answer } from './answer-tokens.js';
import { answerAll, checkRoom, readAnswers } from './answers.js';
import { interleaved } from './reading.js';
import type { LabelledFeatures, Recipe, RecipeContext, RecipeRequest } from './recipe.js';
import { type TextFault, textFault } from './text-checks.js';
import { type PlannedText, planTexts, usualTexts } from './text-plan.js';

/** Of each side: the mean of fewer is the texts', not the concept's. */
const fewestTexts = 8;
const temperature = 0.8;
const topP = 0.95;

export const texts: Recipe = { check, collect };

const noSpan = [0, 0] as const;

/** Plans every text: it takes the time of a few hundred short encodings. */
function check(request: RecipeRequest): void {
  for (const { prompt, readAfter, what } of planTexts(request)) {
    checkRoom(prompt, what, request);
    checkRoom(readAfter, what, request);
  }
}

async function collect(context: RecipeContext): Promise<LabelledFeatures> {
  const { model, seed, texts: count = usualTexts } = context;
  check(context);
  const plan = planTexts(context);
  const random = new Random(seed);
  // The i-th text of either side is drawn with the same seed: swapped sides give swapped texts.
  const seeds = Array.from({ length: count }, () => random.bits());
  const written = await answerAll(
    plan.map(({ prompt, index }) => ({
      prompt,
      sampling: { ...greedy, temperature, topP, seed: seeds[index] as number },
    })),
    'write',
    context,
  );
  const { kept, leftOut } = sorted(plan, written, (tokens) => model.tokenizer.decode(tokens));
  const sides = [true, false].map((positive) => kept.filter((answer) => answer.positive === positive));
  const [positives, negatives] = sides.map(({ length }) => length) as [number, number];
  for (const [name, side, length] of [
    ['about the concept', 'positive', positives],
    ['of the contrast', 'negative', negatives],
  ] as const) {
    if (length >= fewestTexts) continue;
    const { empty, refused, repeated } = leftOut[side];
    throw errors.fitImpossible(
      `model ${model.id} wrote ${length} usable texts ${name} of ${count} (${empty} empty, ${refused} refusals, ${repeated} that repeat the instruction), and at least ${fewestTexts} are needed; ask for more texts or max_tokens, name a subject in other words, or bring your own with recipe examples`,
    );
  }
  const rows = interleaved(positives, negatives);
  const order: Answer[] = new Array(kept.length);
  for (const [side, places] of [rows.positive, rows.negative].entries())
    for (const [index, row] of places.entries()) order[row] = sides[side]?.[index] as Answer;
  const { details, ...read } = await readAnswers(order, context);
  return {
    hiddenSize: model.engine.shape.hiddenSize,
    attention: null,
    layerDetails: null,
    ...read,
    details: {
      texts: count,
      positives,
      negatives,
      left_out: { ...leftOut, ...details.left_out },
      kinds: kindsOf(plan),
      forms_sha256: formsDigest(),
      temperature,
      top_p: topP,
      max_tokens: context.maxTokens,
      ...contrastRecord(contrastOf(context)),
    },
  };
}

type LeftOut = Record<'positive' | 'negative', Record<TextFault, number>>;

function sorted(
  plan: readonly PlannedText[],
  written: readonly (readonly number[])[],
  decode: (tokens: readonly number[]) => string,
): { kept: Answer[]; leftOut: LeftOut } {
  const none = () => ({ empty: 0, refused: 0, repeated: 0 });
  const leftOut: LeftOut = { positive: none(), negative: none() };
  const kept: Answer[] = [];
  for (const [i, { positive, readAfter, instructions }] of plan.entries()) {
    const tokens = written[i] as readonly number[];
    const fault = textFault(decode(tokens), instructions);
    if (fault === null) kept.push({ positive, prompt: readAfter, tokens, span: noSpan });
    else leftOut[positive ? 'positive' : 'negative'][fault]++;
  }
  return { kept, leftOut };
}

/** How many texts of a side are of each kind. */
function kindsOf(plan: readonly PlannedText[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { positive, kind } of plan) if (positive) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Of everything that the server brings to the texts. */
const formsDigest = () =>
  createHash('sha256')
    .update(
      JSON.stringify([textForms, openForms, neutralPrompts, leadIns, openLeadIns, neutralLeadIns, questions]),
    )
    .digest('hex');
