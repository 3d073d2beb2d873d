/** Fits on the steerable model: by the plan of a request, with what progress and record say of the candidates. */
import assert from 'node:assert/strict';
import type { Concept } from '../../src/concepts/concept.js';
import { fitBest } from '../../src/fitting/fit-best.js';
import { fitPlan } from '../../src/fitting/fit-plan.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { type SteerableOptions, steerableModel, zorbs } from './steerable-model.js';

/** Of a candidate, in the record. */
export interface Entry {
  readonly recipe: string;
  readonly method: string;
  readonly contrast: string;
  readonly profile?: string;
  readonly share?: number;
  readonly scores?: { readonly concept: number; readonly harmonic: number };
  readonly identified?: number;
  readonly failed?: string;
}

/** Few texts and short answers. */
export const plan = (part: object = {}) =>
  fitPlan(FitRequest.parse({ name: 'zorbs', prefix: zorbs, texts: 16, max_tokens: 8, ...part }));

export async function fit(options: SteerableOptions, part: object = {}) {
  const model = steerableModel(options);
  const stages = new Set<string>();
  const layers: number[] = [];
  const concept = await fitBest(
    plan(part),
    model,
    new AbortController().signal,
    (stage) => stages.add(stage),
    ({ layer }) => layers.push(layer),
  );
  assert.equal(model.engine.running, 0);
  return { concept, stages: [...stages], layers, engine: model.engine, ...choice(concept) };
}

function choice({ record }: Concept) {
  const { candidates, chosen } = (record.details.auto ?? { candidates: [], chosen: -1 }) as {
    candidates: Entry[];
    chosen: number;
  };
  return { entries: candidates, winner: candidates[chosen], harmonics: candidates.map(harmonicOf) };
}

export const harmonicOf = ({ scores }: Entry) => scores?.harmonic ?? Number.NEGATIVE_INFINITY;

const recipes = { prompt: 'attention', answer: 'responses', text: 'texts' } as const;

/** A fit of a model that shows the direction at one place: what is kept must be the recipe that reads there. */
export async function findsAt(place: keyof typeof recipes) {
  const recipe = recipes[place];
  // A subject brings texts about it.
  const stated = place === 'text' ? { prefix: undefined, subject: 'zorbs' } : {};
  const made = await fit({ shows: { [place]: 0.98 } }, stated);
  const { concept, entries, winner, harmonics } = made;
  assert.equal(winner?.recipe, recipe, JSON.stringify(entries));
  assert.deepEqual([concept.record.recipe, concept.record.method], [recipe, winner?.method]);
  assert.ok((winner && harmonicOf(winner)) >= Math.max(...harmonics) - 0.02);
  // The paper's own, the same with a contrast, two more, and the winner with two other profiles.
  assert.deepEqual(
    entries.slice(0, 4).map((entry) => [entry.recipe, entry.method, entry.contrast, entry.profile]),
    [
      ['attention', 'rfm', 'none', 'separation'],
      ['attention', 'rfm', 'others', 'separation'],
      ['responses', 'mean_difference', 'others', 'separation'],
      ['texts', 'mean_difference', 'others', 'separation'],
    ],
  );
  assert.deepEqual(
    entries.slice(4).map((entry) => [entry.recipe, entry.profile]),
    [
      [recipe, 'norm'],
      [recipe, 'uniform'],
    ],
  );
  for (const { share, scores, identified } of entries) {
    assert.ok((share ?? 0) > 0);
    assert.ok(scores && scores.harmonic <= 1 && scores.concept > 0);
    assert.ok(identified !== undefined && identified >= 0 && identified <= 1);
  }
  // Texts of no subject are written under the message, and show what answers show.
  const others = entries
    .filter((entry) => entry.recipe !== recipe && !(place === 'answer' && entry.recipe === 'texts'))
    .map(harmonicOf);
  assert.ok(Math.max(...others) < Math.max(...harmonics) - 0.02, JSON.stringify(entries));
  assert.equal(concept.calibration.method, 'harmonic');
  return made;
}
