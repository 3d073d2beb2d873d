/** The model as judge: every value against one computed by hand from plain scores. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withEngine } from '../../../src/engine/engine.js';
import type { PairsRequest, ScoreRequest } from '../../../src/engine/protocol.js';
import type { ConceptStatement } from '../../../src/fitting/measure/concept-statement.js';
import { Judge } from '../../../src/fitting/measure/judge.js';
import { scoreOneByOne } from '../../helpers/engine.js';
import { characterTokenizer, FakeEngine, fakeModel } from '../../helpers/fake-engine.js';
import { noise } from '../fake-model.js';

const signal = new AbortController().signal;
const questions = [
  'Describe the street where you live, please.',
  'What is a house?',
  'Where do you live?',
  'Why is that?',
  'Who are you?',
];
const statement: ConceptStatement = {
  own: 'You adore the sea.',
  decoys: ['You adore mountains.', 'You are a pirate.', 'You fear spiders.'],
};
const tokensOf = (text: string) => characterTokenizer.encode(text, { addSpecialTokens: false });

/** Scores are a hash of everything before a token, unless a test knows better. */
function judging(options: {
  statement?: ConceptStatement | null;
  value?: (before: string, token: number) => number;
}) {
  const { value = (before, token) => -1.5 + noise(...tokensOf(before.slice(-60)), before.length, token) } =
    options;
  const read: PairsRequest[] = [];
  const score = async ({ tokens, from }: ScoreRequest) =>
    Float32Array.from(tokens.slice(from), (token, i) =>
      value(String.fromCodePoint(...tokens.slice(0, from + i)), token),
    );
  const scoreMany = (request: PairsRequest, either?: AbortSignal) => {
    read.push(request);
    either?.throwIfAborted();
    return scoreOneByOne({ score }, request, either);
  };
  const engine = withEngine(new FakeEngine({ capacity: 4096 }), { score, scoreMany });
  const stated = options.statement === undefined ? statement : options.statement;
  const judge = new Judge(fakeModel(engine), stated, questions, 32);
  const logProbabilities = async (prompt: string, answer: string) => {
    const before = tokensOf(prompt);
    const tokens = [...before, ...tokensOf(answer)];
    return [...(await score({ tokens, from: before.length, edit: [], priority: 'background' }))];
  };
  return { judge, read, logProbabilities };
}

const plainPrompt = (question: string) => `<user>${question}\n<assistant>`;
const toldPrompt = (message: string, question: string) => `<system>${message}\n${plainPrompt(question)}`;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;
const near = (actual: number | null, expected: number) =>
  assert.ok(actual !== null && Math.abs(actual - expected) < 1e-5, `${actual} is not ${expected}`);
const given = (question: number, text: string, sampled = false) => ({
  question,
  sampled,
  tokens: tokensOf(text),
});

test('every value is the one computed by hand', async () => {
  const { judge, logProbabilities } = judging({});
  const texts = ['The sea is wide.', 'A house has walls, a roof and a door.', 'On a hill.'];
  const judged = await judge.judge(
    texts.map((text, question) => given(question, text)),
    signal,
  );
  for (const [question, text] of texts.entries()) {
    const answer = judged[question];
    assert.ok(answer);
    const n = text.length;
    const asked = questions[question] as string;
    const plain = await logProbabilities(plainPrompt(asked), text);
    const told = await logProbabilities(toldPrompt(statement.own, asked), text);
    const decoys = await Promise.all(
      statement.decoys.map(async (decoy) => sum(await logProbabilities(toldPrompt(decoy, asked), text))),
    );
    near(answer.evidence, (sum(told) - Math.log(mean(decoys.map(Math.exp)))) / n);
    assert.equal(
      answer.identified,
      decoys.every((decoy) => decoy < sum(told)),
    );
    near(
      answer.logProbability,
      mean(plain.map((a, i) => Math.log((Math.exp(a) + Math.exp(told[i] ?? 0)) / 2))),
    );
    // Two of the four other questions.
    const others = await Promise.all(
      questions
        .filter((other) => other !== asked)
        .map(async (other) => sum(await logProbabilities(plainPrompt(other), text))),
    );
    const margins = others.flatMap((a, i) =>
      others.slice(i + 1).map((b) => Math.log(mean([a, b].map(Math.exp)))),
    );
    assert.ok(
      margins.some((margin) => Math.abs((sum(plain) - margin) / n - answer.relevance) < 1e-5),
      `${answer.relevance}`,
    );
    assert.equal(answer.failed, false);
  }
});

test('an answer is identified by its own message alone', async () => {
  const favoured = (message: string) =>
    judging({ value: (before) => (before.includes(message) ? -1 : -2) }).judge.judge(
      [given(0, 'Blue, and wide.')],
      signal,
    );
  const [own] = await favoured(statement.own);
  assert.equal(own?.identified, true);
  near(own?.evidence ?? null, 1);
  const [other] = await favoured('You fear spiders.');
  assert.equal(other?.identified, false);
  assert.ok((other?.evidence ?? 0) < -0.9, 'the best decoy counts most');
  const [none] = await favoured('nothing');
  assert.equal(none?.identified, false, 'a tie is no identification');
  near(none?.evidence ?? null, 0);
});

test('a few answers are one read of the engine, and the same text after the same prompt is read once', async () => {
  const { judge, read } = judging({});
  const answers = [given(0, 'Well, thanks.'), given(0, 'Well, thanks.', true), given(1, 'Well, thanks.')];
  const [first, second, third] = await judge.judge(answers, signal);
  assert.equal(read.length, 1);
  const { prompts, answers: texts, pairs } = read[0] as PairsRequest;
  assert.equal(texts.length, 1);
  const keys = pairs.map(([prompt, answer]) => `${(prompts[prompt] ?? []).join()} ${answer}`);
  assert.equal(new Set(keys).size, pairs.length);
  assert.deepEqual({ ...second, sampled: false, relevance: first?.relevance }, first);
  assert.notEqual(second?.relevance, first?.relevance, 'read after other questions');
  assert.deepEqual([first?.question, second?.sampled, third?.question], [0, true, 1]);
});

test('what was read of an unsteered answer is known to the next judge of the model; of a steered one it is read', async () => {
  const { judge, read } = judging({});
  const steered = given(0, 'Well, thanks.');
  const unsteered = { ...given(1, 'It is warm.'), unsteered: true };
  const first = await judge.judge([steered, unsteered], signal);
  // Two prompts are the same under another message of the concept.
  const next = new Judge(judge.model, { ...statement, own: 'You adore tea.' }, questions, 32);
  const again = await next.judge([unsteered], signal);
  assert.equal(read.length, 2);
  assert.equal(read[1]?.pairs.length, 1, 'the new message alone');
  assert.equal(again[0]?.relevance, first[1]?.relevance);
  assert.deepEqual(await judge.judge([unsteered], signal), [first[1]]);
  assert.equal(read.length, 2, 'nothing is read');
  assert.deepEqual(await judge.judge([steered], signal), [first[0]]);
  assert.equal(read[2]?.pairs.length, read[0]?.pairs.length && read[0].pairs.length / 2);
});

test('fewer decoys are the first ones', async () => {
  const { judge } = judging({});
  const fewer = judging({ statement: { ...statement, decoys: statement.decoys.slice(0, 2) } }).judge;
  const answers = [given(0, 'Well, thanks.'), given(1, 'It is warm.')];
  assert.deepEqual(await judge.judge(answers, signal, { decoys: 2 }), await fewer.judge(answers, signal));
});

test('many answers are judged in slices, as each is alone', async () => {
  const { judge, read } = judging({ value: (before, token) => -1 - ((before.length * 7 + token) % 11) / 9 });
  const answers = Array.from({ length: 300 }, (_, i) =>
    given(i % questions.length, i === 9 ? '' : `It is ${i}.`),
  );
  const judged = await judge.judge(answers, signal);
  assert.equal(read.length, 2);
  assert.ok(read.every(({ pairs }) => pairs.length < 2100));
  for (const i of [0, 9, 150, 254, 255, 256, 257, 299])
    assert.deepEqual([judged[i]], await judge.judge(answers.slice(i, i + 1), signal));
  const glances = await judge.glance(answers, signal);
  assert.deepEqual(glances.slice(298), await judge.glance(answers.slice(298), signal));
});

test('an empty answer is no answer, and nothing is read of it', async () => {
  const { judge, read } = judging({});
  const [empty] = await judge.judge([given(2, '')], signal);
  assert.equal(read.length, 0);
  assert.deepEqual(
    [empty?.question, empty?.evidence, empty?.identified, empty?.relevance, empty?.failed],
    [2, 0, false, 0, true],
  );
  assert.ok((empty?.logProbability ?? 0) < -5);
  const [blank] = await judge.judge([given(2, ' \n ')], signal);
  assert.equal(blank?.failed, true);
  assert.deepEqual(await judge.judge([], signal), []);
  const [glance] = await judge.glance([given(2, '')], signal);
  assert.deepEqual([glance?.gain, glance?.distinct2], [0, 0]);
});

test('refusals and other languages fail, unless another language is the concept', async () => {
  const { judge } = judging({});
  const french = 'Je suis très heureux de vous rencontrer dans cette belle maison au bord de la mer.';
  const answers = [
    given(0, 'I cannot help with that request.'),
    given(0, french),
    given(0, 'I am very well, thank you.'),
  ];
  const failed = async (foreign: boolean) =>
    (await judge.judge(answers, signal, { foreign })).map((answer) => answer.failed);
  assert.deepEqual(await failed(false), [true, true, false]);
  assert.deepEqual(await failed(true), [true, false, false]);
});

test('nothing states the concept: evidence is unknown, and likelihood is the plain one', async () => {
  const { judge, logProbabilities } = judging({ statement: null });
  assert.deepEqual([judge.told, judge.role], [null, null]);
  const text = 'It is warm.';
  const [answer] = await judge.judge([given(1, text)], signal);
  assert.deepEqual([answer?.evidence, answer?.identified], [null, null]);
  near(answer?.logProbability ?? null, mean(await logProbabilities(plainPrompt(questions[1] ?? ''), text)));
  const [glance] = await judge.glance([given(1, text)], signal);
  assert.equal(glance?.gain, null);
  // Nor does silence tell what nothing could.
  const [silent] = await judge.judge([given(1, '')], signal);
  assert.deepEqual([silent?.evidence, silent?.identified, silent?.failed], [null, null, true]);
  const [unheard] = await judge.glance([given(1, '')], signal);
  assert.equal(unheard?.gain, null);
});

test('without a message of anything else nothing is identified', async () => {
  const { judge } = judging({ statement: { own: statement.own, decoys: [] } });
  for (const answer of await judge.judge([given(1, 'It is warm.'), given(2, '')], signal))
    assert.deepEqual([answer.evidence, answer.identified], [null, null]);
});

test('a glance reads an answer twice and agrees with the judgement', async () => {
  const { judge, read, logProbabilities } = judging({});
  const text = 'It is warm.';
  const [glance] = await judge.glance([given(1, text)], signal);
  assert.equal(read[0]?.pairs.length, 2);
  const asked = questions[1] ?? '';
  const [plain, told] = [
    await logProbabilities(plainPrompt(asked), text),
    await logProbabilities(toldPrompt(statement.own, asked), text),
  ];
  near(glance?.gain ?? null, mean(told) - mean(plain));
  const [judged] = await judge.judge([given(1, text)], signal);
  near(glance?.logProbability ?? null, judged?.logProbability ?? 0);
  assert.equal(glance?.distinct2, judged?.distinct2);
});

test('what cannot be judged is refused, and an abort ends it', async () => {
  const model = fakeModel(new FakeEngine({ capacity: 128 }));
  assert.throws(() => new Judge(model, statement, ['One?'], 8), /questions must be at least 2/);
  assert.throws(() => new Judge(model, statement, ['One?', 'x'.repeat(200)], 8), {
    code: 'context_length_exceeded',
  });
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await assert.rejects(judging({}).judge.judge([given(0, 'Well.')], stop.signal), /enough/);
});
