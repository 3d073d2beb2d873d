/**
 * What a chat is set up with: concepts and how they act, what is watched, how tokens are drawn. It lives in the URL, so that a link
 * brings it to somebody else; `setUpOf` and `paramsOf` are each other's inverse.
 */
import { signal } from '@preact/signals';
import type { SteeringLayers, SteeringOperation, SteeringPositions } from '../../schemas/steering.js';
import { layersOf, layersText, positionsOf, positionsText } from './where.js';

export interface SteeredConcept {
  readonly name: string;
  readonly strength: number;
  readonly operation: SteeringOperation;
  readonly layers: SteeringLayers;
  readonly positions: SteeringPositions;
}

export interface SetUp {
  /** Id of the model; null for the first one. */
  readonly model: string | null;
  readonly concepts: readonly SteeredConcept[];
  /** Concepts that are read beside those that steer. */
  readonly watched: readonly string[];
  readonly system: string;
  readonly seed: number;
  readonly temperature: number;
  readonly maxTokens: number;
}

export const usual: SetUp = {
  model: null,
  concepts: [],
  watched: [],
  system: '',
  seed: 7,
  temperature: 0.7,
  maxTokens: 256,
};

/** What the API takes at most in one steering and as monitors. */
export const mostConcepts = 8;

/** How far the slider of each operation goes, and where it begins. */
export const strengthRange: Readonly<
  Record<SteeringOperation, { readonly from: number; readonly to: number; readonly first: number }>
> = {
  add: { from: -2, to: 2, first: 1 },
  clamp: { from: -2, to: 2, first: 1 },
  ablate: { from: 0, to: 1, first: 1 },
  amplify: { from: 0, to: 3, first: 2 },
};

export const newConcept = (name: string, strength = 1): SteeredConcept => ({
  name,
  strength,
  operation: 'add',
  layers: 'default',
  positions: 'all',
});

const operations = Object.keys(strengthRange) as SteeringOperation[];

/** `pirate:0.8`, and behind commas what is not as usual: `pirate:1,clamp,layers=10-20,positions=generated`. */
function conceptText({ name, strength, operation, layers, positions }: SteeredConcept): string {
  return [
    `${name}:${strength}`,
    ...(operation === 'add' ? [] : [operation]),
    ...(layers === 'default' ? [] : [`layers=${layersText(layers)}`]),
    ...(positions === 'all' ? [] : [`positions=${positionsText(positions)}`]),
  ].join(',');
}

function conceptOf(text: string): SteeredConcept | null {
  const [head = '', ...rest] = text.split(',');
  const [, name, strength] = /^(.+?)(?::(-?[\d.]+(?:e-\d+)?))?$/.exec(head) ?? [];
  const number = strength === undefined ? 1 : Number(strength);
  if (name === undefined || !Number.isFinite(number)) return null;
  const after = (key: string) => rest.find((one) => one.startsWith(`${key}=`))?.slice(key.length + 1) ?? '';
  return {
    name,
    strength: number,
    operation: operations.find((one) => rest.includes(one)) ?? 'add',
    layers: layersOf(after('layers')),
    positions: positionsOf(after('positions')),
  };
}

/** A number of a link; the usual one where it makes no sense. */
function numberOf(
  params: URLSearchParams,
  key: string,
  least: number,
  most: number,
  otherwise: number,
): number {
  const number = Number(params.get(key) ?? Number.NaN);
  return Number.isFinite(number) && number >= least && number <= most ? number : otherwise;
}

export function setUpOf(params: URLSearchParams): SetUp {
  const whole = (key: string, least: number, most: number, otherwise: number) =>
    Math.round(numberOf(params, key, least, most, otherwise));
  return {
    model: params.get('model'),
    concepts: params
      .getAll('concept')
      .map(conceptOf)
      .filter((one) => one !== null)
      .slice(0, mostConcepts),
    watched: params.getAll('watch').slice(0, mostConcepts),
    system: params.get('system') ?? usual.system,
    seed: whole('seed', 0, 2 ** 31, usual.seed),
    temperature: numberOf(params, 'temperature', 0, 2, usual.temperature),
    maxTokens: whole('tokens', 1, 100_000, usual.maxTokens),
  };
}

/** Only what is not as usual, so that links stay short. */
export function paramsOf(setUp: SetUp): URLSearchParams {
  const params = new URLSearchParams();
  if (setUp.model !== null) params.set('model', setUp.model);
  for (const concept of setUp.concepts) params.append('concept', conceptText(concept));
  for (const name of setUp.watched) params.append('watch', name);
  if (setUp.system !== '') params.set('system', setUp.system);
  if (setUp.seed !== usual.seed) params.set('seed', String(setUp.seed));
  if (setUp.temperature !== usual.temperature) params.set('temperature', String(setUp.temperature));
  if (setUp.maxTokens !== usual.maxTokens) params.set('tokens', String(setUp.maxTokens));
  return params;
}

export const setUp = signal<SetUp>(usual);

export function change(part: Partial<SetUp>): void {
  setUp.value = { ...setUp.peek(), ...part };
}

export function changeConcept(name: string, part: Partial<SteeredConcept>): void {
  change({
    concepts: setUp.peek().concepts.map((one) => (one.name === name ? { ...one, ...part } : one)),
  });
}

export const addConcept = (concept: SteeredConcept): void =>
  change({ concepts: [...setUp.peek().concepts.filter(({ name }) => name !== concept.name), concept] });

export const removeConcept = (name: string): void =>
  change({ concepts: setUp.peek().concepts.filter((one) => one.name !== name) });
