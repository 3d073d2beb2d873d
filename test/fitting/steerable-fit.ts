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
