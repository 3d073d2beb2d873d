import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Concept } from '../../src/concepts/concept.js';
import { recordedWarnings } from '../../src/concepts/fit-record.js';
import { SteerdError } from '../../src/errors.js';
import { fitBest } from '../../src/fitting/fit-best.js';
import { fitPlan } from '../../src/fitting/fit-plan.js';
import { FitRequest } from '../../src/schemas/fits.js';
import { type SteerableOptions, steerableModel, zorbs } from './steerable-model.js';

interface Entry {
  readonly recipe: string;
  readonly method: string;
  readonly contrast: string;
  readonly profile?: string;
  readonly share?: number;
  readonly scores?: { readonly concept: number; readonly harmonic: number };
  readonly identified?: number;
  readonly failed?: string;
}

const plan = (part: object = {}) =>
  fitPlan(FitRequest.parse({ name: 'zorbs', prefix: zorbs, texts: 16, max_tokens: 8, ...part }));

async function fit(options: SteerableOptions, part: object = {}) {
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

const harmonicOf = ({ scores }: Entry) => scores?.harmonic ?? Number.NEGATIVE_INFINITY;

test('the recipe that finds the direction is kept, and what the others reached', async () => {
  for (const [place, recipe] of [
    ['prompt', 'attention'],
    ['answer', 'responses'],
    ['text', 'texts'],
  ] as const) {
    // A subject brings texts about it.
    const stated = place === 'text' ? { prefix: undefined, subject: 'zorbs' } : {};
    const { concept, entries, winner, harmonics } = await fit({ shows: { [place]: 0.98 } }, stated);
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
    const others = entries.filter((entry) => entry.recipe !== recipe).map(harmonicOf);
    assert.ok(Math.max(...others) < Math.max(...harmonics) - 0.02);
    assert.equal(concept.calibration.method, 'harmonic');
  }
});

test('of candidates that measure alike the earliest is kept', async () => {
  const { winner, entries, concept } = await fit({ shows: { prompt: 0.9 } });
  const [paper, contrasted] = entries.map(harmonicOf) as [number, number];
  assert.ok(contrasted > paper && contrasted < paper + 0.02, 'a little better, and no more');
  assert.equal(entries.indexOf(winner as Entry), 0, JSON.stringify(entries));
  assert.equal(concept.record.details.contrast, undefined, 'contrast none says nothing');
});

test('a profile that reaches more is kept, unless the request names one', async () => {
  // The first layer alone does anything: a profile by the norm spends as much on the others.
  const options: SteerableOptions = { shows: { answer: 0.98 }, works: (layer) => layer === 1 };
  const { winner, concept, entries } = await fit(options);
  assert.equal(winner?.profile, 'uniform', JSON.stringify(entries));
  assert.equal(concept.record.details.profile, 'uniform');
  const [, one, two, three] = concept.calibration.coefficients;
  assert.ok((one as number) > 0 && one === two && two === three);
  const named = await fit(options, { profile: 'norm' });
  assert.deepEqual(
    named.entries.map(({ profile }) => profile),
    ['norm', 'norm', 'norm', 'norm'],
  );
});

test('what a model cannot be fitted by is recorded and left out', async () => {
  const { winner, entries } = await fit({ template: 'none', shows: { answer: 0.98 } });
  assert.equal(winner?.recipe, 'texts');
  for (const entry of entries.slice(0, 3)) {
    assert.match(entry.failed ?? '', /no chat template/);
    assert.equal(entry.scores, undefined);
  }
  // A model that has no word for it can be read where it is asked, and nowhere else.
  const mute = await fit({ silent: true });
  assert.deepEqual(
    mute.entries.slice(0, 4).map(({ failed }) => failed === undefined),
    [true, true, false, false],
  );
  const all = fit({ capacity: 24 });
  await assert.rejects(all, (error) => error instanceof SteerdError && /24/.test(error.message));
});

test('the same request gives the same concept', async () => {
  const [first, second] = [await fit({ shows: { answer: 0.9 } }), await fit({ shows: { answer: 0.9 } })];
  assert.equal(first.concept.version, second.concept.version);
  assert.deepEqual(first.entries, second.entries);
});

test('progress names the candidate, and the layers heard of are those of what is kept', async () => {
  const { stages, layers, concept } = await fit({ shows: { answer: 0.98 } });
  for (const stage of [
    'attention, contrast none: capture',
    'attention, contrast others: direction',
    'responses: answer',
    'texts: write',
    'calibrate: answer plainly',
    'texts: calibrate: judge',
    'responses, profile norm: calibrate: judge',
    'calibrate: side effects',
  ])
    assert.ok(stages.includes(stage), `${stage} is not among ${stages.join('; ')}`);
  assert.deepEqual(layers.sort(), [1, 2, 3]);
  assert.equal((concept.record.details.layers as object[]).length, 3);
});

test('methods of one recipe are fitted from one set of captures', async () => {
  const named = { recipe: 'responses', calibrate: false, texts: undefined };
  const once = await fit({ shows: { answer: 0.9 } }, named);
  const { entries, engine, winner, stages, concept } = await fit(
    { shows: { answer: 0.9 } },
    { ...named, method: 'auto', calibrate: true },
  );
  assert.equal(engine.captures.length, once.engine.captures.length);
  assert.deepEqual(entries.map(({ method, profile }) => `${method} ${profile}`).slice(0, 3), [
    'mean_difference separation',
    'rfm separation',
    'logistic separation',
  ]);
  assert.equal(concept.record.method, winner?.method);
  assert.ok(stages.includes('responses, method rfm: direction'), stages.join('; '));
});

test('what is named is fitted and nothing else', async () => {
  const { concept, entries, stages } = await fit({}, { recipe: 'texts', method: 'logistic' });
  assert.deepEqual([concept.record.recipe, concept.record.method], ['texts', 'logistic']);
  assert.equal(entries.length, 0);
  assert.ok(stages.includes('write') && stages.includes('calibrate: side effects'));
});

test('without calibration nothing is measured: texts for a subject, responses for a message', async () => {
  const message = await fit({}, { calibrate: false });
  assert.equal(message.concept.record.recipe, 'responses');
  const subject = await fit({}, { calibrate: false, prefix: undefined, subject: 'zorbs' });
  assert.equal(subject.concept.record.recipe, 'texts');
  for (const { engine, concept } of [message, subject]) {
    assert.equal(engine.scored, 0);
    assert.equal(concept.calibration.method, 'norm_share');
    assert.deepEqual(recordedWarnings(concept.record.details), []);
  }
  const plain = await fit({ template: 'none' }, { calibrate: false });
  assert.equal(plain.concept.record.recipe, 'texts');
  assert.match(
    recordedWarnings(plain.concept.record.details).join(),
    /responses was left out: .*no chat template/,
  );
  assert.deepEqual(plain.layers.sort(), [1, 2, 3]);
});

test('an abort ends it at any candidate and leaves nothing running', async () => {
  for (const at of [
    'attention, contrast none: capture',
    'texts: write',
    'responses: direction',
    'calibrate: answer as told',
    'attention, contrast others: calibrate: answer steered',
    'responses, profile uniform: calibrate: look for the strength',
    'calibrate: answer steered',
  ]) {
    const model = steerableModel({ shows: { answer: 0.98 } });
    const controller = new AbortController();
    let reached = false;
    const work = fitBest(plan(), model, controller.signal, (stage) => {
      if (stage !== at) return;
      reached = true;
      controller.abort(new Error('enough'));
    });
    await assert.rejects(work, /enough/, at);
    assert.ok(reached);
    assert.equal(model.engine.running, 0, at);
  }
});
