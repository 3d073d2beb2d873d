/**
 * The best of a plan's candidates, by measurement: every recipe is read once, every candidate is tried briefly with
 * answers to the same questions, and the one whose concept, fluency and instruction are best together (H) is calibrated
 * in full. What each reached stays in the record. The same plan on the same model gives the same concept.
 */
import { type Concept, createConcept } from '../concepts/concept.js';
import { SteerdError } from '../errors.js';
import type { LoadedModel } from '../models/model.js';
import { defaultProfile, recipeNames } from '../schemas/fit-choices.js';
import {
  conceptFrom,
  type Directions,
  directionsOf,
  featuresOf,
  fitConcept,
  withWarnings,
} from './fit-concept.js';
import type { LayerFit } from './fit-layer.js';
import { type FitPlan, isImpossible } from './fit-plan.js';
import type { FitSettings } from './fit-settings.js';
import { type BriefTrial, tryBriefly } from './measure/brief-trial.js';
import { calibrateConcept, trialsOf } from './measure/calibrate.js';
import type { StrengthTrials } from './measure/strength-trials.js';
import type { OnProgress } from './recipes/recipe.js';

type OnLayer = (fit: LayerFit) => void;

/** A candidate with a concept. */
interface Fitted {
  readonly settings: FitSettings;
  readonly found: Directions;
  readonly concept: Concept;
  /** For whoever hears of layers, should it be the best. */
  readonly layers: readonly LayerFit[];
}

interface Impossible {
  readonly settings: FitSettings;
  readonly error: SteerdError;
}

interface Tried extends Fitted {
  readonly trial: BriefTrial;
}

/** Of H: what a few answers cannot tell apart. */
const alike = 0.02;

/**
 * @param onProgress hears the candidate before the stage, "texts: write", where there are several
 * @param onLayer hears of the layers of what is kept: as they are fitted, or when it is chosen
 * @throws SteerdError what the first candidate fails with, when all do; the signal's reason when aborted. Nothing is
 *   left running either way.
 */
export async function fitBest(
  plan: FitPlan,
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
  onLayer: OnLayer = () => {},
): Promise<Concept> {
  const { candidates, profiles, calibrate } = plan;
  if (candidates.length === 1 && profiles.length === 0)
    return fitConcept(candidates[0], model, signal, onProgress, onLayer);
  if (!calibrate) return firstPossible(plan, model, signal, onProgress, onLayer);

  let of = '';
  const named: OnProgress = (stage, done, total) => onProgress(`${of}${stage}`, done, total);
  const enter = (what: string) => {
    of = what === '' ? '' : `${what}: `;
  };
  const fitted: (Fitted | Impossible)[] = [];
  for (const group of sharingCaptures(candidates)) {
    enter(readingName(group[0], candidates));
    // The features are free again when the group's concepts are made.
    fitted.push(...(await fitGroup(group, model, signal, named, (one) => enter(nameOf(one, candidates)))));
  }
  const possible = fitted.filter(hasConcept);
  if (possible[0] === undefined) throw (fitted[0] as Impossible).error;

  enter('');
  const trials = trialsOf(possible[0].concept, model, {}, signal, named);
  await trials.prepare();
  const entries: (Tried | Impossible)[] = [];
  const tryOut = async (one: Fitted | Impossible, name: string, before?: BriefTrial) => {
    enter(name);
    entries.push(hasConcept(one) ? await tried(one, trials, signal, before) : one);
  };
  for (const one of fitted) await tryOut(one, nameOf(one.settings, candidates));
  const base = entries[preferred(entries)] as Tried | Impossible;
  if (!hasConcept(base)) throw base.error;
  for (const profile of profiles.filter((name) => name !== profileOf(base.settings))) {
    const name = `${nameOf(base.settings, candidates)}, profile ${profile}`;
    await tryOut(withProfile(base, { ...base.settings, profile }, model), name, base.trial);
  }
  enter('');
  const chosen = preferred(entries);
  const { concept, layers, trial } = entries[chosen] as Tried;
  for (const fit of layers) onLayer(fit);
  const { record } = concept;
  const details = { ...record.details, auto: { candidates: entries.map(entryRecord), chosen } };
  const best = createConcept({ ...concept, record: { ...record, details } });
  return calibrateConcept(best, model, {}, signal, named, trials, trial.near);
}

/** A candidate whose brief trial fails may be as good as none: one that steers nothing, say. */
async function tried(
  one: Fitted,
  trials: StrengthTrials,
  signal: AbortSignal,
  before?: BriefTrial,
): Promise<Tried | Impossible> {
  try {
    return { ...one, trial: await tryBriefly(one.concept, trials, before) };
  } catch (error) {
    if (error instanceof SteerdError && error.code === 'invalid_value') {
      signal.throwIfAborted();
      return { settings: one.settings, error };
    }
    return impossible(one.settings, error, signal);
  }
}

/** Where nothing may be measured: the candidates in their order, until one is possible. */
async function firstPossible(
  { candidates }: FitPlan,
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress,
  onLayer: OnLayer,
): Promise<Concept> {
  const failed: Impossible[] = [];
  for (const settings of candidates) {
    const layers: LayerFit[] = [];
    const named: OnProgress = (stage, ...how) => onProgress(`${settings.recipe}: ${stage}`, ...how);
    try {
      const concept = await fitConcept(settings, model, signal, named, (fit) => layers.push(fit));
      for (const fit of layers) onLayer(fit);
      if (failed.length === 0) return concept;
      const said = failed.map((one) => `Recipe ${one.settings.recipe} was left out: ${one.error.message}`);
      const { record } = concept;
      return createConcept({
        ...concept,
        record: { ...record, details: withWarnings(record.details, said) },
      });
    } catch (error) {
      failed.push(impossible(settings, error, signal));
    }
  }
  throw (failed[0] as Impossible).error;
}

/** Candidates that differ in method and profile alone, together. */
function sharingCaptures(candidates: readonly FitSettings[]): [FitSettings, ...FitSettings[]][] {
  const groups: [FitSettings, ...FitSettings[]][] = [];
  for (const settings of candidates) {
    const known = groups.find(([first]) => sameCaptures(first, settings));
    if (known === undefined) groups.push([settings]);
    else known.push(settings);
  }
  return groups;
}

/** As they come from a plan: what is the same there is the same object. */
function sameCaptures(a: FitSettings, b: FitSettings): boolean {
  const fields = Object.keys({ ...a, ...b }) as (keyof FitSettings)[];
  return fields.every((field) => field === 'method' || field === 'profile' || a[field] === b[field]);
}

async function fitGroup(
  group: readonly [FitSettings, ...FitSettings[]],
  model: LoadedModel,
  signal: AbortSignal,
  onProgress: OnProgress,
  onCandidate: (settings: FitSettings) => void,
): Promise<(Fitted | Impossible)[]> {
  try {
    const features = await featuresOf(group[0], model, signal, onProgress);
    const fitted: (Fitted | Impossible)[] = [];
    for (const settings of group) {
      onCandidate(settings);
      const layers: LayerFit[] = [];
      try {
        const hear = (fit: LayerFit) => layers.push(fit);
        const found = await directionsOf(features, settings, signal, onProgress, hear);
        fitted.push({ settings, found, concept: conceptFrom(found, settings, model), layers });
      } catch (error) {
        fitted.push(impossible(settings, error, signal));
      }
    }
    return fitted;
  } catch (error) {
    return group.map((settings) => impossible(settings, error, signal));
  }
}

function withProfile(base: Fitted, settings: FitSettings, model: LoadedModel): Fitted | Impossible {
  const { found, layers } = base;
  try {
    return { settings, found, layers, concept: conceptFrom(found, settings, model) };
  } catch (error) {
    return impossible(settings, error);
  }
}

/** @throws the error, unless it says that this candidate cannot work on this model */
function impossible(settings: FitSettings, error: unknown, signal?: AbortSignal): Impossible {
  signal?.throwIfAborted();
  if (!isImpossible(error)) throw error;
  return { settings, error };
}

const hasConcept = <One extends Fitted>(one: One | Impossible): one is One => 'concept' in one;

/** Index of the earliest of those that are as good as the best; 0 where none has a concept. */
function preferred(entries: readonly (Tried | Impossible)[]): number {
  const values = entries.map((one) =>
    hasConcept(one) ? one.trial.scores.harmonic : Number.NEGATIVE_INFINITY,
  );
  const best = Math.max(...values);
  return values.findIndex((value) => value >= best - alike);
}

const profileOf = ({ profile = defaultProfile }: FitSettings) => profile;

/** How progress calls what is read for a candidate: by its contrast too where its recipe is there with several. */
function readingName({ recipe, contrast }: FitSettings, among: readonly FitSettings[]): string {
  const several = among.some((other) => other.recipe === recipe && other.contrast !== contrast);
  return several ? `${recipe}, contrast ${contrast}` : recipe;
}

/** Without the candidate that progress names before it: "write" of "texts: write". */
export const stageAlone = (stage: string) =>
  recipeNames.some((recipe) => stage.startsWith(recipe)) ? stage.slice(stage.indexOf(': ') + 2) : stage;

function nameOf(settings: FitSettings, among: readonly FitSettings[]): string {
  const several = among.some((one) => one.method !== settings.method && sameCaptures(one, settings));
  const name = readingName(settings, among);
  return several ? `${name}, method ${settings.method}` : name;
}

function entryRecord(one: Tried | Impossible) {
  const { recipe, method, contrast = 'none', statements } = one.settings;
  const what = {
    recipe,
    method,
    contrast,
    // Fewer than the recipe would read alone.
    ...(statements === undefined ? {} : { statements: statements.positive.length }),
  };
  if (!hasConcept(one)) return { ...what, failed: one.error.message };
  const { near: _, ...reached } = one.trial;
  return { ...what, profile: profileOf(one.settings), ...reached };
}
