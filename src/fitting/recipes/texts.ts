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
import { periodicYield } from '../../common/yielding.js';
import { greedy } from '../../engine/protocol.js';
import { errors } from '../../errors.js';
import { usualTexts } from '../../schemas/fit-choices.js';
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
import { encoder, type PlannedText, planTexts, type Said } from './text-plan.js';

/** Of each side: the mean of fewer is the texts', not the concept's. */
const fewestTexts = 8;
const temperature = 0.8;
const topP = 0.95;

export const texts: Recipe = { check, collect };

const noSpan = [0, 0] as const;

/** The longest of what texts are asked for by and of what they are read after, in characters. */
function check(request: RecipeRequest): void {
  const contrast = contrastOf(request);
  const encode = encoder(request.model, contrast.own);
  const plan = planTexts(request, contrast);
  for (const said of ['prompt', 'readAfter'] as const) {
    const longest = plan.reduce((most, text) => (lengthOf(text[said]) > lengthOf(most[said]) ? text : most));
    checkRoom(encode(longest[said]), longest.what, request);
  }
}

const lengthOf = ({ text, message }: Said) => text.length + (message?.length ?? 0);

/** The plan as token ids. */
async function promptsOf(plan: readonly PlannedText[], own: string, context: RecipeContext) {
  const yieldIfDue = periodicYield(context.signal);
  const encode = encoder(context.model, own);
  const prompts: Prompts[] = [];
  for (const { prompt, readAfter, what } of plan) {
    await yieldIfDue();
    const tokens = { prompt: encode(prompt), readAfter: encode(readAfter) };
    checkRoom(tokens.prompt, what, context);
    checkRoom(tokens.readAfter, what, context);
    prompts.push(tokens);
  }
  return prompts;
}

/** Of a text, token ids. */
interface Prompts {
  readonly prompt: readonly number[];
  readonly readAfter: readonly number[];
}

async function collect(context: RecipeContext): Promise<LabelledFeatures> {
  const { model, seed, texts: count = usualTexts } = context;
  const contrast = contrastOf(context);
  const plan = planTexts(context, contrast);
  const prompts = await promptsOf(plan, contrast.own, context);
  const random = new Random(seed);
  // The i-th text of either side is drawn with the same seed: swapped sides give swapped texts.
  const seeds = Array.from({ length: count }, () => random.bits());
  const written = await answerAll(
    plan.map(({ index }, i) => ({
      prompt: (prompts[i] as Prompts).prompt,
      sampling: { ...greedy, temperature, topP, seed: seeds[index] as number },
    })),
    'write',
    context,
  );
  const { kept, leftOut } = sorted(plan, prompts, written, (tokens) => model.tokenizer.decode(tokens));
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
      ...contrastRecord(contrast),
    },
  };
}

type LeftOut = Record<'positive' | 'negative', Record<TextFault, number>>;

function sorted(
  plan: readonly PlannedText[],
  prompts: readonly Prompts[],
  written: readonly (readonly number[])[],
  decode: (tokens: readonly number[]) => string,
): { kept: Answer[]; leftOut: LeftOut } {
  const none = () => ({ empty: 0, refused: 0, repeated: 0 });
  const leftOut: LeftOut = { positive: none(), negative: none() };
  const kept: Answer[] = [];
  for (const [i, { positive, instructions }] of plan.entries()) {
    const { readAfter } = prompts[i] as Prompts;
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
