/**
 * Steering as a request states it (steering-receipt.ts: as a reply reports it): one item names a concept, how strong, how,
 * where in depth and where in the text. Items are strict: a misspelt key is an error, for a steering that
 * is not applied must never pass in silence. Messages follow validation.ts: "must ..." completes the field's name.
 */
import { z } from 'zod';
import { choice, isObject, orNull, strictly } from './fields.js';
import { InlineVectorFields } from './inline-vectors.js';
import { nullsLeftOut } from './nulls.js';

/** Largest |strength| of each scale: multiples of the calibrated setting, coefficients, shares of the norm. */
export const strengthLimits = { calibrated: 100, raw: 1000, norm: 10 } as const;
export const maxSteeringItems = 8;
/** Alternatives of one request; the slots bound them further. */
const maxAlternatives = 64;

export const index = (least = 0) => {
  const error = `must be a whole number, ${least} or more`;
  return z.int({ error }).min(least, { error });
};

const layersExpected =
  'must be "default", "all", a list of block numbers, {"from", "to"} with both ends included, or {"top"}';
const layersError = strictly('layers', ['from', 'to', 'top'], layersExpected);

export const SteeringLayers = choice(
  [
    z.enum(['default', 'all'], { error: layersExpected }),
    z
      .array(index(), { error: layersExpected })
      .min(1, { error: 'must list at least one block' })
      .max(4096, { error: 'must list at most 4096 blocks' }),
    z
      .strictObject({ from: index(), to: index() }, { error: layersError })
      .refine((range) => range.from <= range.to, { error: 'must have from at most to' }),
    z.strictObject({ top: index(1) }, { error: layersError }),
  ],
  (value) => {
    if (Array.isArray(value)) return 1;
    if (!isObject(value)) return 0;
    return 'top' in (value as object) ? 3 : 2;
  },
);
/**
 * Which blocks: those steered by default, every block with a vector, a list, a range with both ends, or the k with
 * the strongest claim by the concept's record.
 */
export type SteeringLayers = z.output<typeof SteeringLayers>;

const positionsExpected = 'must be "all", "prompt", "generated", {"from", "to"} or {"last"}';
const windowError = strictly('positions', ['from', 'to', 'last'], positionsExpected);

export const SteeringPositions = choice(
  [
    z.enum(['all', 'prompt', 'generated'], { error: positionsExpected }),
    z
      .strictObject({ from: index(), to: index(1) }, { error: windowError })
      .refine((window) => window.from < window.to, {
        error: 'must have from below to, which is exclusive',
      }),
    z.strictObject({ last: index(1) }, { error: windowError }),
  ],
  (value) => (!isObject(value) ? 0 : 'last' in (value as object) ? 2 : 1),
);
/**
 * Which token positions, counted from the prompt's first token (the chat template's own included): all, those whose
 * logits choose a token of the answer (`generated`, from the prompt's last position on), those before them (`prompt`),
 * [from, to), or the prompt's last n with everything that follows (an n beyond the prompt takes all of it).
 */
export type SteeringPositions = z.output<typeof SteeringPositions>;

export const SteeringScale = z.enum(['calibrated', 'raw', 'norm'], {
  error: 'must be "calibrated", "raw" or "norm"',
});
export type SteeringScale = z.output<typeof SteeringScale>;

export const SteeringOperation = z.enum(['add', 'ablate', 'clamp', 'amplify'], {
  error: 'must be "add", "ablate", "clamp" or "amplify"',
});
export type SteeringOperation = z.output<typeof SteeringOperation>;

const conceptExpected = "must be a concept's name";
export const conceptField = z
  .string({ error: conceptExpected })
  .min(1, { error: conceptExpected })
  .max(200, { error: 'must be a name of at most 200 characters' });

const strengthField = z.number({ error: 'must be a finite number' });

const limited = (limit: number) => `must be a number from ${-limit} to ${limit}`;

/** The limit that an item's strength breaks, or null. Factors and shares have no scale. */
function brokenLimit(item: {
  readonly strength: number;
  readonly scale: SteeringScale;
  readonly operation: SteeringOperation;
}): string | null {
  if (item.operation === 'ablate') {
    const share = item.strength >= 0 && item.strength <= 1;
    return share ? null : 'must be a number from 0 to 1 with operation "ablate": the share that is taken out';
  }
  const scale = item.operation === 'amplify' ? 'calibrated' : item.scale;
  const limit = strengthLimits[scale];
  if (Math.abs(item.strength) <= limit) return null;
  return `${limited(limit)} with ${item.operation === 'amplify' ? 'operation "amplify"' : `scale "${scale}"`}`;
}

const itemShape = {
  concept: conceptField,
  strength: strengthField.optional().meta({
    default: 1,
    description:
      'add, clamp: in units of `scale`. ablate: the share taken out, 0 to 1. amplify: the factor on the projection, to be given.',
  }),
  scale: SteeringScale.default('calibrated').meta({
    description:
      'add: multiples of the calibrated coefficients, coefficients (raw), or shares of the mean residual norm (norm). clamp, calibrated: 0 holds what ablate 1 does and 1 what answers at strength 1 of add read; raw and norm: the projection itself. ablate, calibrated: to the measured level of `readings.ablate`, or to where neutral answers lie. amplify, calibrated: about where neutral answers lie. Both with raw or norm: about 0, which is no neutral place.',
  }),
  operation: SteeringOperation.default('add').meta({
    description:
      'add: adds the direction, and several add up. ablate: moves the projection to where the concept is gone, a level that calibration measures at or below neutral answers. clamp: holds it at a value. amplify: multiplies its distance from where neutral answers lie. Of several, ablate, clamp and amplify all land where they should, however their concepts overlap: the same twice is the same once, full ablations and clamps go first, and lesser shares move what is left. An addition beside them comes on top. In calibrated units the last three need a concept whose answers were read (`readings`).',
  }),
  layers: SteeringLayers.default('default').meta({
    description:
      'default: where the concept was calibrated to be steered; for ablate, clamp and amplify in calibrated units the layers of its `readings.clamp`.',
  }),
  positions: SteeringPositions.default('all').meta({
    description:
      "Counted from the prompt's first token. generated: every position whose logits choose a token of the answer, from the prompt's last on. prompt: those before, which only the answer's attention sees. ablate, clamp and amplify in calibrated units leave the first position alone, whatever is said: it is an attention sink.",
  }),
  orthogonalize: z.boolean({ error: 'must be true or false' }).optional().meta({
    default: false,
    description:
      'add: takes out, block by block, what its direction shares with those that items before it in the list add, as far as there are positions that both edit. What is left keeps its size, so the push gets smaller by what is gone, down to nothing for the same concept twice.',
  }),
};
const itemKeys = Object.keys(itemShape);

/** The item with its strength, if that is within its scale. */
function complete<
  Item extends {
    readonly strength?: number | undefined;
    scale: SteeringScale;
    operation: SteeringOperation;
    orthogonalize?: boolean | undefined;
  },
>(item: Item, context: z.core.$RefinementCtx): Item & { readonly strength: number } {
  const whole = { ...item, strength: item.strength ?? 1 };
  const broken =
    item.strength === undefined && item.operation === 'amplify'
      ? 'must be given with operation "amplify": the factor on the projection'
      : brokenLimit(whole);
  const refuse = (field: 'strength' | 'orthogonalize', message: string) => {
    context.issues.push({ code: 'custom', message, path: [field], input: item[field] });
    return z.NEVER;
  };
  if (broken !== null) return refuse('strength', broken);
  if (item.orthogonalize && item.operation !== 'add') {
    return refuse(
      'orthogonalize',
      `must be left out with operation "${item.operation}": it takes apart what is added`,
    );
  }
  return whole;
}

export const SteeringItem = z
  .strictObject(itemShape, { error: strictly('steering', itemKeys, 'must be an object with a concept') })
  .transform(complete);
export type SteeringItem = z.output<typeof SteeringItem>;

const inlineShape = {
  ...itemShape,
  ...InlineVectorFields,
  scale: z
    .enum(['raw', 'norm'], { error: 'must be "raw" or "norm": the vectors of a request have no calibration' })
    .default('raw'),
};

/** The same with vectors of its own: they have no calibration, and nothing is kept of them. */
const InlineSteeringItem = z
  .strictObject(inlineShape, {
    error: strictly('steering', Object.keys(inlineShape), 'must be an object with vectors'),
  })
  .transform(complete);
type InlineSteeringItem = z.output<typeof InlineSteeringItem>;

export type AnySteeringItem = SteeringItem | InlineSteeringItem;

export const bringsVectors = (value: unknown) => isObject(value) && 'vectors' in (value as object);

const AnyItem = choice([SteeringItem, InlineSteeringItem], (value) => (bringsVectors(value) ? 1 : 0));

const listOfItems = z.array(AnyItem, { error: 'must be a list of steering items' }).max(maxSteeringItems, {
  error: `must have at most ${maxSteeringItems} items`,
});

const budgetExpected = "must be true, false or a share of the stream's norm above 0 and at most 1";

/**
 * What items together may push: true for as much as one of them alone, a share of the residual stream's norm, or false
 * for no limit.
 */
const SteeringBudget = z.union(
  [z.boolean(), z.number().gt(0, { error: budgetExpected }).max(1, { error: budgetExpected })],
  { error: budgetExpected },
);
export type SteeringBudget = z.output<typeof SteeringBudget>;

const suspendedParts = ['tool_calls', 'json'] as const;
const suspendExpected = 'must be a list of "tool_calls" and "json"';
const SuspendedPart = z.enum(suspendedParts, { error: 'must be "tool_calls" or "json"' });
export type SuspendedPart = z.output<typeof SuspendedPart>;

const setShape = {
  items: listOfItems,
  budget: SteeringBudget.default(true).meta({
    description:
      'How large the sum of what is added may be, as the mean of its length over the norm of the residual stream. true: as large as one of the items alone would be at strength 1, or at its own if that is more; it counts items of scale `calibrated`, from two on. A number: that share, counting every addition. false: the plain sum. What is over makes all that was counted smaller by one factor.',
  }),
  orthogonalize: z
    .boolean({ error: 'must be true or false' })
    .default(false)
    .meta({ description: 'For every item that adds and does not say so itself.' }),
  suspend: z
    .array(SuspendedPart, { error: suspendExpected })
    .max(suspendedParts.length, { error: suspendExpected })
    .default([])
    .meta({
      description:
        'Parts of the answer in which nothing of this acts, since steering breaks their syntax sooner than their sense: `tool_calls`, from the mark that begins a call, and `json`, an answer in the JSON that `response_format` asks for. The prompt, and text and reasoning outside of them, are steered all the same.',
    }),
};

/** Items with what holds for all of them together. */
const SteeringSet = z.strictObject(setShape, {
  error: strictly('steering', Object.keys(setShape), 'must be an object with items'),
});

const isSet = (value: unknown) => isObject(value) && 'items' in (value as object);

const alternative = choice(
  [SteeringItem, listOfItems, z.null(), InlineSteeringItem, SteeringSet],
  (value) => {
    if (value === null) return 2;
    if (Array.isArray(value)) return 1;
    if (isSet(value)) return 4;
    return bringsVectors(value) ? 3 : 0;
  },
);

const alternativesExpected = 'must be a list of steerings, null for none';

/** Alternatives of one request: each gets its own choices of the reply. */
const SteeringChoices = z.strictObject(
  {
    choices: z
      .array(alternative, { error: alternativesExpected })
      .min(1, { error: 'must have at least one steering' })
      .max(maxAlternatives, { error: `must have at most ${maxAlternatives} steerings` })
      .meta({ examples: [[null, { concept: 'pirate', strength: 1 }]] }),
  },
  { error: strictly('steering', ['choices'], alternativesExpected) },
);
type SteeringChoices = z.output<typeof SteeringChoices>;

/** How much of what was done a reply tells. */
export const receiptKinds = ['short', 'full'] as const;

/** The three equal ways to steer a completion, to be spread into the request's object schema. */
export const SteeringFields = {
  concept: orNull(conceptField).meta({ description: 'Concept to steer by; with `strength`.' }),
  strength: orNull(
    strengthField.refine((value) => Math.abs(value) <= strengthLimits.calibrated, {
      error: limited(strengthLimits.calibrated),
    }),
  ).meta({ description: 'Calibrated strength of `concept`: 1 is strong and still fluent, 0 is off.' }),
  steering: nullsLeftOut(
    choice(
      [SteeringItem, listOfItems, z.null(), SteeringChoices, InlineSteeringItem, SteeringSet],
      (value) => {
        if (value === null) return 2;
        if (Array.isArray(value)) return 1;
        if (isObject(value) && 'choices' in (value as object)) return 3;
        if (isSet(value)) return 5;
        return bringsVectors(value) ? 4 : 0;
      },
    ),
  )
    .optional()
    .meta({
      description:
        'One steering or a list of them, applied together within one budget; `{"items": [...], "budget": ..., "orthogonalize": ..., "suspend": [...]}` sets what holds for all. An item may bring `vectors` of its own instead of a concept. `{"choices": [null, ...]}` compares several: choice a * n + i of the reply is the i-th answer under the a-th, with the seed of the i-th, and carries its own receipt.',
    }),
  receipt: z.enum(receiptKinds).nullish().meta({
    default: 'short',
    description:
      "How much the reply's `steering` tells: `full` adds the numbers of every layer, `coefficients`, `neutral` and `ablated.level`.",
  }),
};

export type SteeringAlternative = z.output<typeof alternative>;

/** `SteeringFields` as they are parsed. */
export interface SteeringBody {
  readonly receipt?: (typeof receiptKinds)[number] | null | undefined;
  readonly concept?: string | undefined;
  readonly strength?: number | undefined;
  readonly steering?: SteeringAlternative | SteeringChoices | undefined;
}
