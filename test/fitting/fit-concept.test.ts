import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteerdError } from '../../src/errors.js';
import { calibrationRule, profileOf } from '../../src/fitting/calibration-rule.js';
import { fitConcept } from '../../src/fitting/fit-concept.js';
import { orient } from '../../src/fitting/fit-layer.js';
import type { FitSettings } from '../../src/fitting/fit-settings.js';
import { cosine, type FakeOptions, fakeModel, concept as prefix } from './fake-model.js';

const settings: FitSettings = {
  name: 'sea',
  prefix,
  recipe: 'responses',
  method: 'mean_difference',
  labels: 'hard',
  statements: undefined,
  calibrate: false,
  maxTokens: 16,
  seed: 0,
};

const fit = (options: FakeOptions = {}, change: Partial<FitSettings> = {}, signal?: AbortSignal) =>
  fitConcept({ ...settings, ...change }, fakeModel(options), signal ?? new AbortController().signal);

const refused = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SteerdError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

const row = (concept: { vectors: Float32Array; hiddenSize: number }, layer: number) =>
  concept.vectors.subarray(layer * concept.hiddenSize, (layer + 1) * concept.hiddenSize);

test('the calibration moves every layer by its separation, together by the share asked for', () => {
  const separations = Float64Array.of(9, 1, 2, 6);
  const norms = Float32Array.of(1, 10, 10, 40);
  const { coefficients } = calibrationRule(separations, norms, 0.03);
  const [first, a, b, c] = coefficients as unknown as [number, number, number, number];
  assert.equal(first, 0);
  assert.ok(Math.abs((a / 10 + b / 10 + c / 40) / 3 - 0.03) < 1e-8);
  assert.ok(Math.abs(b / a - 2) < 1e-6 && Math.abs(c / a - 6) < 1e-6);
  assert.throws(() => calibrationRule(separations, new Float32Array(4)), refused('fit_impossible', /scale/));
});

test('a profile is the separation along the vector, the norm, or the same for every layer', () => {
  const separations = Float64Array.of(Number.NaN, 1, -2, 6);
  const norms = Float32Array.of(1, 10, 20, 40);
  assert.deepEqual([...profileOf('separation', separations, norms)], [0, 1, 0, 6]);
  assert.deepEqual([...profileOf('norm', separations, norms)], [0, 10, 20, 40]);
  assert.deepEqual([...profileOf('uniform', separations, norms)], [0, 1, 1, 1]);
});

test('a fit takes the profile asked for, and the separation is what lies along the vector', async () => {
  const [uniform, byNorm, bySeparation] = await Promise.all(
    (['uniform', 'norm', 'separation'] as const).map((profile) => fit({}, { profile, layers: [1, 3] })),
  );
  const at = (concept: typeof uniform) =>
    [1, 3].map((layer) => concept?.calibration.coefficients[layer] ?? 0);
  const ratio = (concept: typeof uniform) => (at(concept)[1] as number) / (at(concept)[0] as number);
  assert.ok(Math.abs(ratio(uniform) - 1) < 1e-6);
  const norms = byNorm?.residualNorms as Float32Array;
  assert.ok(Math.abs(ratio(byNorm) - (norms[3] as number) / (norms[1] as number)) < 1e-5);
  assert.equal(uniform?.calibration.coefficients[2], 0);
  const layers = bySeparation?.record.details.layers as { separation: number; distance: number }[];
  for (const { separation, distance } of layers) assert.ok(separation > 0 && separation <= distance + 1e-9);
  const [one, three] = layers.map(({ separation }) => separation) as [number, number];
  assert.ok(Math.abs(ratio(bySeparation) - three / one) < 1e-5);
  // A vector that has little to do with the sides separates them little, however far apart they lie.
  const noisy = await fit({}, { method: 'pca' });
  for (const layer of noisy.record.details.layers as typeof layers)
    assert.ok(layer.separation < layer.distance);
});

test('a fit finds the direction that the concept message adds', async () => {
  const model = fakeModel();
  const stages = new Map<string, [number, number]>();
  const concept = await fitConcept(settings, model, new AbortController().signal, (stage, done, total) => {
    assert.ok(done >= (stages.get(stage)?.[0] ?? 0), `${stage} went back`);
    stages.set(stage, [done, total]);
  });
  const { engine } = model;
  assert.equal(concept.model, 'fake');
  assert.equal(concept.modelFingerprint, engine.shape.fingerprint);
  assert.ok(row(concept, 0).every((x) => x === 0));
  assert.equal(concept.calibration.coefficients[0], 0);
  for (let layer = 1; layer < concept.layers; layer++) {
    assert.ok(Math.abs(Math.hypot(...row(concept, layer)) - 1) < 1e-6);
    // Rows are taken at unit length, which bends what is as long as they are themselves, as here.
    assert.ok(cosine(row(concept, layer), engine.direction(layer)) > 0.75);
    assert.ok((concept.calibration.coefficients[layer] as number) > 0);
  }
  // States grow with the layer in the fake, and so must their norms.
  const [h0, h1] = concept.residualNorms as unknown as [number, number];
  assert.ok(h1 > 1.5 * h0 && h1 < 2.5 * h0);
  assert.deepEqual(stages.get('answer'), [64, 64]);
  assert.deepEqual(stages.get('capture'), [64, 64]);
  assert.deepEqual(stages.get('direction'), [3, 3]);
  assert.ok(engine.mostRunning > 1 && engine.mostRunning <= 8);
  assert.ok(engine.requests.every((r) => r.priority === 'background' && r.sampling.temperature === 0));
  assert.equal(engine.running, 0);
});

test('the same request gives the same version, another prefix another', async () => {
  const [first, second, other] = await Promise.all([
    fit(),
    fit(),
    fit({}, { prefix: `${prefix} Say it softly.` }),
  ]);
  assert.equal(first.version, second.version);
  assert.notEqual(first.version, other.version);
});

test('a direction is turned to follow the labels, whatever sign the method gave it', () => {
  const features = {
    rows: Float32Array.of(5, 1, /**/ 4, 0, /**/ 1, 1, /**/ 0, 0),
    n: 4,
    hiddenSize: 2,
    labels: Float32Array.of(1, 0.8, 0.1, 0),
    softLabels: null,
  };
  const along = orient(Float32Array.of(2, 0), features);
  const against = orient(Float32Array.of(-3, 0), features);
  assert.deepEqual([...(along?.unit ?? [])], [1, 0]);
  assert.deepEqual([...(against?.unit ?? [])].map(Math.abs), [1, 0]);
  assert.ok((against?.unit[0] ?? 0) > 0);
  assert.ok((along?.r ?? 0) > 0.97);
  for (const useless of [
    [0, 0],
    [Number.NaN, 1],
    [Number.POSITIVE_INFINITY, 0],
  ]) {
    assert.equal(orient(Float32Array.from(useless), features), null);
  }
});

test('the opposite effect gives the opposite vector', async () => {
  const model = fakeModel({ effect: -1 });
  const concept = await fitConcept(settings, model, new AbortController().signal);
  for (let layer = 1; layer < concept.layers; layer++) {
    assert.ok(cosine(row(concept, layer), model.engine.direction(layer)) < -0.75);
  }
});

test('capture reads the answer and nothing else, after a sentence that says how long activations are', async () => {
  const model = fakeModel({ answerLength: (prompt) => prompt.length % 5 });
  const concept = await fitConcept(settings, model, new AbortController().signal);
  const prompts = new Map(model.engine.requests.map((r) => [String(r.prompt), r.prompt.length]));
  const [sentence, ...answers] = model.engine.captures;
  assert.equal(sentence?.positions.length, sentence?.tokens.length);
  for (const { tokens, positions } of answers) {
    const start = positions[0] as number;
    assert.equal(prompts.get(String(tokens.slice(0, start))), start);
    assert.deepEqual(
      positions,
      Array.from({ length: tokens.length - start }, (_, i) => start + i),
    );
  }
  const { details } = concept.record;
  assert.ok((details.empty as number) > 0);
  assert.equal((details.positives as number) + (details.negatives as number), answers.length);
});

test('own statements are the questions of each side', async () => {
  const model = fakeModel();
  const statements = { positive: ['A?', 'B?'], negative: ['C?', 'D?', 'E?'] };
  await fitConcept({ ...settings, statements }, model, new AbortController().signal);
  const prompts = model.engine.requests.map(({ prompt }) => String.fromCodePoint(...prompt));
  assert.deepEqual(
    prompts.sort(),
    [
      ...statements.positive.map((q) => `<system>${prefix}\n<user>${q}\n<assistant>`),
      ...statements.negative.map((q) => `<user>${q}\n<assistant>`),
    ].sort(),
  );
});

test('a template that refuses or drops system messages gets the concept from the user', async () => {
  for (const template of ['refuses-system', 'drops-system'] as const) {
    const model = fakeModel({ template });
    const concept = await fitConcept(settings, model, new AbortController().signal);
    assert.equal(concept.record.details.prefix_role, 'user');
    assert.ok(cosine(row(concept, 1), model.engine.direction(1)) > 0.75);
  }
});

test('fits that cannot work say why', async () => {
  await assert.rejects(fit({ template: 'none' }), refused('fit_impossible', /no chat template/));
  await assert.rejects(
    fit({ effect: 0, noise: false }),
    refused('fit_impossible', /the same activations at layer 1/),
  );
  await assert.rejects(
    fit({ effect: Number.NaN, noise: false }),
    refused('fit_impossible', /not finite numbers/),
  );
  await assert.rejects(
    fit({ answerLength: (prompt, most) => (prompt.includes(prefix) ? 0 : most) }),
    refused('fit_impossible', /0 answers with the prefix/),
  );
  await assert.rejects(
    fit({ capacity: 60 }),
    refused('context_length_exceeded', /prefix.* tokens and 16 more .* 60 tokens/),
  );
  await assert.rejects(
    fit({}, { recipe: 'examples', labels: 'soft' }),
    refused('invalid_value', /"hard" with recipe examples/),
  );
});

test('an abort ends a fit in either stage and leaves nothing running', async () => {
  for (const stage of ['answer', 'capture']) {
    const model = fakeModel();
    const controller = new AbortController();
    await assert.rejects(
      fitConcept(settings, model, controller.signal, (at, done) => {
        if (at === stage && done === 3) controller.abort();
      }),
      { name: 'AbortError' },
    );
    assert.equal(model.engine.running, 0);
    assert.ok(model.engine.captures.length <= 4);
  }
});
