/**
 * Where neutral answers lie on a concept's directions and where told ones do: per layer mean and spread of <h, v> over
 * answers' tokens, measured without any edit (src/fitting/measure/readings.ts). Centred operations move projections
 * about the neutral mean, and monitors give them as 0 (neutral) to 1 (told).
 */
import { errors } from '../errors.js';
import type { ConceptReadings } from '../schemas/readings.js';
import { type MessageDirections, messageVectors } from './message-directions.js';

/** Of <h, v> over tokens, by layer; 0 where the concept has no vector. */
export interface Distribution {
  readonly mean: readonly number[];
  /** Standard deviation. */
  readonly spread: readonly number[];
}

export interface Readings {
  readonly neutral: Distribution;
  readonly told: Distribution;
  /** [L] the chance that a told token reads higher than a neutral one. */
  readonly auroc: readonly number[];
  /** The layer that tells them apart best. */
  readonly bestLayer: number;
  /** What made the told answers: the concept's message, or steering at strength 1 for a concept without one. */
  readonly toldBy: 'message' | 'steering';
  /** How many were read. */
  readonly tokens: { readonly neutral: number; readonly told: number };
  readonly clamp: {
    /** Ascending: where centred operations act unless a request says otherwise. */
    readonly layers: readonly number[];
    /** [L] distance from what `clamp` holds at strength 0 that it holds at strength 1. */
    readonly unit: readonly number[];
  };
  /** Left out where nobody looked for it: then ablation holds the neutral mean. */
  readonly ablate?: MeasuredAblation | undefined;
}

/** A level that was tried. */
export interface AblationTrial {
  /** How far below the neutral mean, as a share of the way up to what strength 1 of `add` reads. */
  readonly below: number;
  /**
   * The same along the message's direction, as a share of the way up to what the message's own tokens read; left out
   * where that one is held at the neutral mean.
   */
  readonly messageBelow?: number | undefined;
  /** The same along the concept's direction in the prompt; left out where it is `below` there too. */
  readonly promptBelow?: number | undefined;
  /** Of plain answers under full ablation. */
  readonly fluency: number;
  /** Share of the told evidence that is gone from answers of the told model; left out where nobody looked. */
  readonly removed?: number | undefined;
}

/** What `ablate` 1 and `clamp` 0 hold at the layers of `clamp`, and what that does: found by measurement. */
export interface MeasuredAblation extends AblationTrial {
  /** [L] */
  readonly level: readonly number[];
  /** [L] what is held in the prompt, where that is another level. */
  readonly promptLevel?: readonly number[] | undefined;
  readonly removed: number;
  /** What the level was chosen from. */
  readonly tried: readonly AblationTrial[];
  /** Held too. */
  readonly message?: MessageDirections | undefined;
}

/** [L] what `ablate` 1 and `clamp` 0 hold. */
export const ablatedLevel = ({ ablate, neutral }: Readings): readonly number[] =>
  ablate?.level ?? neutral.mean;

/** Enough for float32 projections, and the same text on every machine. */
const digits = 7;

/**
 * A frozen copy, rounded to seven significant digits.
 * @param hasVector whether the concept has a direction at a layer
 * @throws SteerdError invalid_value, naming the field
 */
export function checkReadings(
  { neutral, told, auroc, bestLayer, toldBy, tokens, clamp, ablate }: Readings,
  layers: number,
  hiddenSize: number,
  hasVector: (layer: number) => boolean,
): Readings {
  const numbers = (field: string, values: readonly number[], least = -Infinity, most = Infinity) => {
    if (values.length !== layers) {
      throw errors.invalidValue(`readings.${field}`, `${layers} numbers`, `${values.length} numbers`);
    }
    const bad = values.findIndex((value) => !Number.isFinite(value) || value < least || value > most);
    if (bad < 0) return Object.freeze(Array.from(values, (value) => Number(value.toPrecision(digits)) + 0));
    const range = most < Infinity ? ` from ${least} to ${most}` : least === 0 ? ', not negative' : '';
    throw errors.invalidValue(`readings.${field}[${bad}]`, `a finite number${range}`, values[bad]);
  };
  const layer = (field: string, value: number) => {
    if (Number.isSafeInteger(value) && value >= 0 && value < layers && hasVector(value)) return value;
    throw errors.invalidValue(`readings.${field}`, 'a layer for which there is a vector', value);
  };
  const distribution = (field: string, { mean, spread }: Distribution) =>
    Object.freeze({ mean: numbers(`${field}.mean`, mean), spread: numbers(`${field}.spread`, spread, 0) });
  const count = (field: string, value: number) => {
    if (Number.isSafeInteger(value) && value >= 1) return value;
    throw errors.invalidValue(`readings.tokens.${field}`, 'an integer of at least 1', value);
  };
  if (toldBy !== 'message' && toldBy !== 'steering') {
    throw errors.invalidValue('readings.told_by', '"message" or "steering"', toldBy);
  }
  if (clamp.layers.length === 0 || clamp.layers.some((at, i) => i > 0 && at <= (clamp.layers[i - 1] ?? 0))) {
    throw errors.invalidValue(
      'readings.clamp.layers',
      'layers in ascending order, at least one',
      clamp.layers,
    );
  }
  const share = (field: string, value: number) => {
    if (value >= 0 && value <= 1) return value;
    throw errors.invalidValue(`readings.ablate.${field}`, 'a number from 0 to 1', value);
  };
  const trial = (field: string, { below, promptBelow, messageBelow, fluency, removed }: AblationTrial) => ({
    below: share(`${field}below`, below),
    ...(promptBelow !== undefined && { promptBelow: share(`${field}prompt_below`, promptBelow) }),
    ...(messageBelow !== undefined && { messageBelow: share(`${field}message_below`, messageBelow) }),
    fluency: share(`${field}fluency`, fluency),
    ...(removed !== undefined && { removed: share(`${field}removed`, removed) }),
  });
  const message = ({ vectors, positions, level, unit }: MessageDirections) => {
    const copy = Object.freeze({ ...vectors });
    messageVectors({ vectors: copy }, layers, hiddenSize);
    const moved = positions === 'prompt' ? unit.findIndex((value) => value !== 0) : -1;
    if (moved >= 0) {
      const field = `readings.ablate.message.unit[${moved}]`;
      throw errors.invalidValue(field, '0 where the message is held in the prompt alone', unit[moved]);
    }
    return Object.freeze({
      vectors: copy,
      positions,
      level: numbers('ablate.message.level', level),
      unit: numbers('ablate.message.unit', unit),
    });
  };
  if (ablate !== undefined && (ablate.promptBelow === undefined) !== (ablate.promptLevel === undefined)) {
    const [missing, there] = ablate.promptLevel ? ['below', 'level'] : ['level', 'below'];
    throw errors.invalidValue(`readings.ablate.prompt_${missing}`, `there beside prompt_${there}`, undefined);
  }
  return Object.freeze({
    neutral: distribution('neutral', neutral),
    told: distribution('told', told),
    auroc: numbers('auroc', auroc, 0, 1),
    bestLayer: layer('best_layer', bestLayer),
    toldBy,
    tokens: Object.freeze({ neutral: count('neutral', tokens.neutral), told: count('told', tokens.told) }),
    clamp: Object.freeze({
      layers: Object.freeze(clamp.layers.map((at) => layer('clamp.layers', at))),
      unit: numbers('clamp.unit', clamp.unit),
    }),
    ...(ablate !== undefined && {
      ablate: Object.freeze({
        ...trial('', ablate),
        level: numbers('ablate.level', ablate.level),
        ...(ablate.promptLevel !== undefined && {
          promptLevel: numbers('ablate.prompt_level', ablate.promptLevel),
        }),
        removed: share('removed', ablate.removed),
        tried: Object.freeze(ablate.tried.map((one, i) => Object.freeze(trial(`tried[${i}].`, one)))),
        ...(ablate.message !== undefined && { message: message(ablate.message) }),
      }),
    }),
  });
}

const copyOf = ({ mean, spread }: Distribution) => ({ mean: [...mean], spread: [...spread] });

const trialDocument = ({ below, promptBelow, messageBelow, fluency, removed }: AblationTrial) => ({
  below,
  ...(promptBelow !== undefined && { prompt_below: promptBelow }),
  ...(messageBelow !== undefined && { message_below: messageBelow }),
  fluency,
  ...(removed !== undefined && { removed }),
});

const messageDocument = ({ vectors, positions, level, unit }: MessageDirections) => ({
  vectors: { ...vectors },
  // Left out where it is everywhere, as in files from before.
  ...(positions === 'prompt' && { positions }),
  level: [...level],
  unit: [...unit],
});

/** As HTTP shows it and a file keeps it. */
export const readingsDocument = (readings: Readings): ConceptReadings => ({
  neutral: copyOf(readings.neutral),
  told: copyOf(readings.told),
  auroc: [...readings.auroc],
  best_layer: readings.bestLayer,
  told_by: readings.toldBy,
  tokens: { ...readings.tokens },
  clamp: { layers: [...readings.clamp.layers], unit: [...readings.clamp.unit] },
  // Left out where nobody looked for it, so that files from before keep their version.
  ...(readings.ablate !== undefined && {
    ablate: {
      ...trialDocument(readings.ablate),
      removed: readings.ablate.removed,
      level: [...readings.ablate.level],
      ...(readings.ablate.promptLevel !== undefined && { prompt_level: [...readings.ablate.promptLevel] }),
      tried: readings.ablate.tried.map(trialDocument),
      ...(readings.ablate.message !== undefined && { message: messageDocument(readings.ablate.message) }),
    },
  }),
});

/** Back from that; not checked beyond its types. */
export const readingsOf = ({ best_layer, told_by, ablate, ...rest }: ConceptReadings): Readings => ({
  ...rest,
  bestLayer: best_layer,
  toldBy: told_by,
  ...(ablate !== undefined && { ablate: ablationOf(ablate) }),
});

function ablationOf({ prompt_level: promptLevel, message, ...rest }: AblationDocument): MeasuredAblation {
  return {
    ...trialOf(rest),
    tried: rest.tried.map(trialOf),
    ...(promptLevel !== undefined && { promptLevel }),
    ...(message !== undefined && { message: { ...message, positions: message.positions ?? 'all' } }),
  };
}

type AblationDocument = NonNullable<ConceptReadings['ablate']>;

const trialOf = <
  Trial extends { readonly prompt_below?: number | undefined; readonly message_below?: number | undefined },
>({
  prompt_below: promptBelow,
  message_below: messageBelow,
  ...rest
}: Trial) => ({
  ...rest,
  ...(promptBelow !== undefined && { promptBelow }),
  ...(messageBelow !== undefined && { messageBelow }),
});
