/** Side effects of a model whose knowledge, prose and JSON follow simple rules of the strength it is steered by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEngine } from '../../../src/engine/engine.js';
import type { ActivationEdit, ScoreRequest, SequenceRequest } from '../../../src/engine/protocol.js';
import { wilsonInterval } from '../../../src/fitting/measure/intervals.js';
import { measureSideEffects } from '../../../src/fitting/measure/side-effects.js';
import { type Fact, facts } from '../../../src/fitting/statements/facts.js';
import { jsonRequests } from '../../../src/fitting/statements/json-requests.js';
import { neutralTexts } from '../../../src/fitting/statements/neutral-texts.js';
import { characterTokenizer, FakeEngine, fakeModel } from '../../helpers/fake-engine.js';

const signal = new AbortController().signal;

const editAt = (strength: number): ActivationEdit => [
  {
    vectors: new Float32Array(12),
    add: new Float32Array(3).fill(strength),
    scale: new Float32Array(3),
    from: 0,
    to: Number.POSITIVE_INFINITY,
  },
];
const strengthOf = ({ edit }: { readonly edit: ActivationEdit }) => edit[0]?.add[0] ?? 0;

interface Rules {
  readonly knows: (fact: Fact, strength: number) => boolean;
  /** Of any token of a neutral text, by the text's number. */
  readonly logProbability: (text: number, strength: number) => number;
  readonly json: (request: number, strength: number) => boolean;
}

function ruledModel(rules: Rules) {
  const asked: { fact: Fact; strength: number; scored: boolean }[] = [];
  const factOf = (prompt: string) => facts.find(({ question }) => prompt.includes(`<user>${question}\n`));
  const answer = (prompt: string, request: SequenceRequest) => {
    const strength = strengthOf(request);
    const fact = factOf(prompt);
    if (fact === undefined) {
      const index = jsonRequests.findIndex((text) => prompt.includes(text));
      return rules.json(index, strength) ? 'As you wish: {"ok": [1, 2]} and more' : '{"ok": [1, 2}';
    }
    asked.push({ fact, strength, scored: false });
    const begun = prompt.slice(prompt.indexOf('<assistant>') + '<assistant>'.length);
    const way = rules.knows(fact, strength) ? fact.right : (fact.wrong[1] as string);
    return `${fact.begun} ${way}.`.slice(begun.length);
  };
  const score = async (request: ScoreRequest) => {
    const text = characterTokenizer.decode(request.tokens);
    const strength = strengthOf(request);
    const fact = factOf(text);
    const number = neutralTexts.indexOf(text);
    let value = number < 0 ? -9 : rules.logProbability(number, strength);
    if (fact !== undefined) {
      asked.push({ fact, strength, scored: true });
      const way = rules.knows(fact, strength) ? fact.right : (fact.wrong[1] as string);
      value = text.endsWith(`${fact.begun} ${way}.`) ? -0.01 : -2;
    }
    return new Float32Array(request.tokens.length - request.from).fill(value);
  };
  const engine = new FakeEngine({ answer, slots: 16, capacity: 4096 });
  return { engine, asked, model: fakeModel(withEngine(engine, { score })) };
}

const knowing: Rules = { knows: () => true, logProbability: () => -3, json: () => true };

test('an edit that does nothing has no side effects', async () => {
  const { model, engine } = ruledModel(knowing);
  const { unsteered, strengths } = await measureSideEffects(model, { strengths: [1], editAt }, signal);
  const all = { n: 60, share: 1 };
  assert.equal(unsteered.neutral_log_probability, -3);
  assert.deepEqual({ n: unsteered.facts_right.n, share: unsteered.facts_right.share }, all);
  const [one] = strengths;
  assert.deepEqual(one?.neutral_log_probability_change, { n: 10, mean: 0, interval: [0, 0] });
  assert.deepEqual({ n: one?.facts_still_right.n, share: one?.facts_still_right.share }, all);
  assert.equal(one?.valid_json.share, 1);
  assert.equal(engine.running, 0);
});

test('each figure follows what the edit does, strength by strength', async () => {
  const forgets = new Set(facts.filter((_, i) => i % 5 === 0));
  const { model } = ruledModel({
    knows: (fact, strength) => strength < 1 || !forgets.has(fact),
    // Texts lose differently, so that the mean has an interval.
    logProbability: (text, strength) => -3 - strength * (0.1 + 0.01 * text),
    json: (request, strength) => strength < 2 || request % 4 === 0,
  });
  const { unsteered, strengths } = await measureSideEffects(
    model,
    { strengths: [0.5, 1, 2], editAt },
    signal,
  );
  assert.deepEqual(
    strengths.map(({ strength }) => strength),
    [0.5, 1, 2],
  );
  for (const { strength, neutral_log_probability_change: change } of strengths) {
    assert.ok(Math.abs(change.mean + strength * 0.145) < 1e-4, `${change.mean}`);
    const [low, high] = change.interval ?? [0, 0];
    assert.ok(low < change.mean && change.mean < high && high < 0);
  }
  const kept = 48;
  assert.deepEqual(
    strengths.map(({ facts_still_right: { share } }) => share),
    [1, kept / 60, kept / 60],
  );
  const expected = wilsonInterval(kept, 60);
  for (const end of [0, 1] as const)
    assert.ok(Math.abs((strengths[1]?.facts_still_right.interval[end] ?? 0) - expected[end]) < 1e-4);
  assert.deepEqual(
    strengths.map(({ valid_json: { n, share } }) => [n, share]),
    // Of every second request every second one is left.
    [
      [jsonRequests.length / 2, 1],
      [jsonRequests.length, 1],
      [jsonRequests.length / 2, 0.5],
    ],
  );
  assert.deepEqual(
    strengths.map(({ facts_still_right: { n } }) => n),
    [30, 60, 30],
  );
  assert.equal(unsteered.valid_json.n, jsonRequests.length);
});

test('what the model never knew is not asked again, and counts for nothing', async () => {
  const known = new Set(facts.slice(0, 20));
  const { model, asked } = ruledModel({ ...knowing, knows: (fact) => known.has(fact) });
  const { unsteered, strengths } = await measureSideEffects(model, { strengths: [1], editAt }, signal);
  assert.equal(unsteered.facts_right.share, 0.3333);
  assert.deepEqual([strengths[0]?.facts_still_right.n, strengths[0]?.facts_still_right.share], [20, 1]);
  assert.ok(asked.every(({ fact, strength }) => strength === 0 || known.has(fact)));
});

test('a model that knows nothing has nothing to lose', async () => {
  const { model } = ruledModel({ ...knowing, knows: () => false, json: () => false });
  const { unsteered, strengths } = await measureSideEffects(model, { strengths: [1], editAt }, signal);
  assert.equal(unsteered.facts_right.share, 0);
  assert.deepEqual(strengths[0]?.facts_still_right, { n: 0, share: null, interval: [0, 1] });
  assert.equal(strengths[0]?.valid_json.share, 0);
});

test('ways that begin with the same token are told apart by all of theirs', async () => {
  // One token a character here: "seven" begins as no other number of its question, "four" as "five".
  const { model, asked } = ruledModel(knowing);
  await measureSideEffects(model, { strengths: [], editAt }, signal);
  const scored = new Set(asked.filter((one) => one.scored).map(({ fact }) => fact));
  assert.ok(scored.size > 0 && scored.size < facts.length);
  for (const fact of facts) {
    const same = fact.wrong.some((way) => way[0] === fact.right[0]);
    const agreed = fact.wrong.every((way) => way[0] === fact.right[0]);
    if (!agreed) assert.equal(scored.has(fact), same, fact.question);
  }
});

test('strengths are measured once, and the unsteered model once for all concepts', async () => {
  const { model, asked } = ruledModel(knowing);
  const first = await measureSideEffects(model, { strengths: [1, 1], editAt }, signal);
  assert.equal(first.strengths.length, 1);
  const unsteered = () => asked.filter(({ strength }) => strength === 0).length;
  const before = unsteered();
  const second = await measureSideEffects(model, { strengths: [1], editAt }, signal);
  assert.deepEqual(second, first);
  assert.equal(unsteered(), before);
  // An engine is wrapped anew for each request of a restricted key.
  const wrapped = fakeModel(withEngine(model.engine, {}));
  assert.deepEqual(await measureSideEffects(wrapped, { strengths: [1], editAt }, signal), first);
  assert.equal(unsteered(), before);
});

test('progress counts up to its total, and an abort leaves nothing running', async () => {
  const { model } = ruledModel(knowing);
  const heard: [number, number][] = [];
  await measureSideEffects(model, { strengths: [0.5, 1], editAt }, signal, (_, done, total) =>
    heard.push([done, total]),
  );
  for (const [done, total] of heard) assert.ok(done <= total);
  assert.deepEqual(heard.at(-1)?.[0], heard.at(-1)?.[1]);

  const other = ruledModel(knowing);
  const controller = new AbortController();
  const reason = new Error('enough');
  const measuring = measureSideEffects(
    other.model,
    { strengths: [1], editAt },
    controller.signal,
    (_, done) => {
      if (done === 30) controller.abort(reason);
    },
  );
  await assert.rejects(measuring, reason);
  assert.equal(other.engine.running, 0);
});
