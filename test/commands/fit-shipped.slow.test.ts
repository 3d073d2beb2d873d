/** The concepts that ship with the embedded model: whole, its own, and doing at strength 1 what they say. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readFitList } from '../../src/commands/fit-list.js';
import { packageRoot } from '../../src/common/package.js';
import type { Concept } from '../../src/concepts/concept.js';
import { readConceptFolder } from '../../src/concepts/concept-folder.js';
import { type ActivationEdit, greedy } from '../../src/engine/protocol.js';
import { fitPlan } from '../../src/fitting/fit-plan.js';
import { calibrationMethod } from '../../src/fitting/measure/calibrate.js';
import { questionTokens } from '../../src/fitting/recipes/concept-prompt.js';
import { heldOutQuestions } from '../../src/fitting/statements/questions.js';
import type { LoadedModel } from '../../src/models/model.js';
import { loadModel } from '../../src/models/serve/load.js';
import { SteeringItem } from '../../src/schemas/steering.js';
import { resolveSteering } from '../../src/steering/resolve.js';
import { testCache } from '../helpers/test-cache.js';

const id = 'smollm2-135m-instruct';
const directory = join(packageRoot, 'models', id);
const folder = join(directory, 'concepts');
const answerTokens = 24;
const questions = heldOutQuestions.slice(0, 4);

let model: LoadedModel;
let concepts: readonly Concept[];

before(async () => {
  const settings = {
    threads: 0,
    slots: 16,
    context: 512,
    prefillChunk: 64,
    queue: 256,
    cacheDirectory: testCache,
  };
  model = await loadModel(id, directory, settings);
  concepts = (await readConceptFolder(folder)).loaded.map(({ concept }) => concept);
});
after(() => model.engine.close());

test('the folder holds what the list asks for, fitted on this export, with the strength that was measured', async () => {
  const list = await readFitList(join(folder, 'concepts.json'), id);
  const { loaded, refused } = await readConceptFolder(folder);
  assert.deepEqual(refused, []);
  assert.ok(loaded.length >= 12);
  const files = (await readdir(folder)).filter((file) => file !== 'concepts.json').sort();
  assert.deepEqual(files, list.map(({ name }) => `${name}.safetensors`).sort());
  for (const request of list) {
    const { name } = request;
    const concept = loaded.find(({ file }) => file === join(folder, `${name}.safetensors`))?.concept;
    assert.ok(concept, name);
    assert.equal(concept.name, name);
    assert.equal(concept.record.prefix, fitPlan(request).candidates[0]?.prefix);
    assert.equal(concept.model, id);
    assert.equal(concept.modelFingerprint, model.engine.shape.fingerprint);
    const { method, details, coefficients } = concept.calibration;
    assert.equal(method, calibrationMethod);
    const { share, share_interval: interval } = details as { share: number; share_interval: number[] };
    const [low, high] = interval as [number, number];
    assert.ok(low <= share && share <= high, `${name}: ${share} in ${interval}`);
    assert.ok((details.max_strength as number) >= 1, name);
    assert.equal(details.weak, false, name);
    const shares = Array.from(coefficients, (c, layer) => c / (concept.residualNorms[layer] as number));
    const steered = shares.filter((share) => share > 0);
    const mean = steered.reduce((sum, share) => sum + share, 0) / steered.length;
    assert.ok(Math.abs(mean / share - 1) < 1e-3, `${name}: ${mean}`);
  }
});

test('at strength 1 each concept is much more likely in the answers, which still do not repeat themselves', async () => {
  const plain = await Promise.all(questions.map((question) => answer(question, [])));
  await Promise.all(
    concepts.map(async (concept) => {
      const gains: number[] = [];
      const variety: number[] = [];
      for (const [i, question] of questions.entries()) {
        const steered = await answer(question, editOf(concept, 1, question));
        const before = await evidence(question, concept.record.prefix, plain[i] as number[]);
        gains.push((await evidence(question, concept.record.prefix, steered)) - before);
        variety.push(distinctBigrams(steered));
      }
      // Nats per token; a plain answer has less than nothing.
      assert.ok(mean(gains) > 0.15, `${concept.name}: gains ${gains}`);
      assert.ok(mean(variety) > 0.5, `${concept.name}: distinct bigrams ${variety}`);
    }),
  );
});

test('strength 0 is the unsteered text', async () => {
  const [question = ''] = questions;
  const plain = await answer(question, []);
  for (const concept of concepts.slice(0, 2)) {
    assert.deepEqual(await answer(question, editOf(concept, 0, question)), plain);
    assert.notDeepEqual(await answer(question, editOf(concept, 1, question)), plain);
  }
});

function editOf(concept: Concept, strength: number, question: string): ActivationEdit {
  const item = SteeringItem.parse({ concept: concept.name, strength });
  return resolveSteering([item], {
    model: { id, shape: model.engine.shape },
    concepts: { get: () => ({ concept }), names: () => [concept.name] },
    promptLength: questionTokens(model, question, null).length,
  }).edit;
}

async function answer(question: string, edit: ActivationEdit): Promise<number[]> {
  const tokens: number[] = [];
  for await (const { token } of model.engine.generate({
    prompt: questionTokens(model, question, null),
    maxTokens: answerTokens,
    stopTokens: model.stopTokens,
    minTokens: 0,
    sampling: greedy,
    edit,
    priority: 'interactive',
  })) {
    if (token !== null) tokens.push(token);
  }
  return tokens;
}

/** log p(answer | prefix, question) - log p(answer | question), per token, unsteered. */
async function evidence(question: string, prefix: string, tokens: readonly number[]): Promise<number> {
  const logProbability = async (stated: { prefix: string; role: 'system' } | null) => {
    const prompt = questionTokens(model, question, stated);
    const scores = await model.engine.score({
      tokens: [...prompt, ...tokens],
      from: prompt.length,
      edit: [],
      priority: 'interactive',
    });
    return mean([...scores]);
  };
  return (await logProbability({ prefix, role: 'system' })) - (await logProbability(null));
}

function distinctBigrams(tokens: readonly number[]): number {
  const pairs = tokens.slice(1).map((token, i) => `${tokens[i]} ${token}`);
  return pairs.length === 0 ? 0 : new Set(pairs).size / pairs.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
