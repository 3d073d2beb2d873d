/** Contrast in the recipes: what the negatives state, what is read, and that sides are sides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitConcept } from '../../../src/fitting/fit-concept.js';
import type { FitSettings } from '../../../src/fitting/fit-settings.js';
import { attention } from '../../../src/fitting/recipes/attention.js';
import { defaultSystemMessage } from '../../../src/fitting/recipes/concept-prompt.js';
import type { RecipeContext } from '../../../src/fitting/recipes/recipe.js';
import { responses } from '../../../src/fitting/recipes/responses.js';
import type { LoadedModel } from '../../../src/models/model.js';
import { cosine, fakeModel } from '../fake-model.js';
import { contextOf, type SyntheticOptions, syntheticModel } from './synthetic-model.js';

const text = (tokens: readonly number[]) => String.fromCodePoint(...tokens);
const many = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name} ${i} is here.`);
const statements = { positive: many('Dog', 8), negative: many('Cat', 8) };
const others = ['Be sad.', 'Be very angry.', 'Be shy.'];
const contrast = { contrast: 'others', others } as const;

function collect(options: SyntheticOptions, change: Partial<RecipeContext>, recipe = attention) {
  const model = syntheticModel(options);
  return { model, read: recipe.collect(contextOf(model, { statements, ...contrast, ...change })) };
}

test('in recipe attention the negatives carry other prefixes in turn, and a share of them none', async () => {
  const { model, read } = collect({}, { bareShare: 0.25, token: -1 });
  const { labels, softLabels, n } = await read;
  assert.equal(n, 16);
  const stated = model.engine.captures.map(({ tokens }) => /^<user>(.*?) {2}What/.exec(text(tokens))?.[1]);
  const count = (prefix: string | undefined) => stated.filter((each) => each === prefix).length;
  assert.deepEqual([...others, 'Be glad.'].map(count), [2, 2, 2, 8]);
  // Two are bare; more are read only to compare the heads' attention with: every statement of the side.
  assert.equal(count(undefined), 2 + 8);
  for (const layer of softLabels ?? [])
    for (const [row, label] of labels.entries()) if (label === 0) assert.equal(layer[row], 0);
});

test('the attention of negatives is measured to their own prefix, and what they share is theirs', async () => {
  const { model, read } = collect({}, { token: -1 });
  await read;
  for (const { tokens, span, shared, positions } of model.engine.captures) {
    const stated = /^<user>(.*?) {2}What/.exec(text(tokens))?.[1];
    if (stated !== undefined) assert.equal(text(tokens.slice(...span)), `${stated} `);
    assert.ok(positions.every((position) => position >= (shared ?? 0)));
    assert.ok(text(tokens.slice(0, shared)).endsWith('Statement: Cat ') || !text(tokens).includes('Cat'));
  }
});

test('heads are compared with bare prompts, whatever the negatives state', async () => {
  const wide = { positive: many('Dog', 30), negative: many('Cat', 30) };
  // Half of the heads see any prefix.
  const sees: NonNullable<SyntheticOptions['attention']> = ({ head, span, text: of }) =>
    0.1 + (of.length % 7) / 1000 + (head === 0 && span.startsWith('Be ') ? 0.5 : 0);
  for (const bareShare of [0, 0.5]) {
    const { attention: found } = await collect({ attention: sees }, { statements: wide, bareShare }).read;
    assert.deepEqual(found?.significantHeads, [1 / 3, 1 / 3, 1 / 3, 1 / 3]);
  }
});

test('in recipe responses both sides carry a message and answers are read back after the question', async () => {
  const questions = { positive: many('Why', 3), negative: many('How', 4) };
  const said = (prompt: string) => `To ${/<system>(.*?)<\/>/.exec(prompt)?.[1] ?? 'nobody'}`;
  const run = async (labels: 'hard' | 'soft') => {
    const { model, read } = collect({ answer: said }, { statements: questions, labels }, responses);
    const { details } = await read;
    assert.equal(details.read, labels === 'soft' ? 'in_place' : 'plain');
    return model.engine.reads.map(({ tokens }) => text(tokens));
  };
  const turns = [...others, others[0]];
  const system = (message: string | undefined, labels: string) =>
    labels === 'soft' ? `<system>${message}</>` : '';
  for (const labels of ['hard', 'soft'] as const) {
    assert.deepEqual(
      (await run(labels)).sort(),
      [
        ...questions.positive.map((q) => `${system('Be glad.', labels)}<user>${q}</><a>To Be glad.`),
        ...questions.negative.map((q, i) => `${system(turns[i], labels)}<user>${q}</><a>To ${turns[i]}`),
      ].sort(),
    );
  }
});

test('our own questions are asked under several others each, never twice under the same', async () => {
  const prompts: string[] = [];
  const answer = (prompt: string) => {
    prompts.push(prompt);
    return 'Yes.';
  };
  const own = { statements: undefined, labels: 'hard', others: undefined } as const;
  const { details } = await collect({ answer }, own, responses).read;
  assert.equal(details.negatives, 3 * (details.positives as number));
  assert.equal(new Set(prompts).size, prompts.length);
  const none = await collect({ answer }, { ...own, contrast: 'none' }, responses).read;
  assert.equal(none.details.negatives, none.details.positives);
});

test('without a contrast the concept follows the message that the template writes itself', async () => {
  const withDefault = (model: LoadedModel, own: string): LoadedModel => ({
    ...model,
    chatTemplate: {
      render: (messages, options) =>
        model.chatTemplate?.render(
          messages[0]?.role === 'system' ? messages : [{ role: 'system', content: own }, ...messages],
          options,
        ) as string,
    },
  });
  const plain = syntheticModel();
  assert.equal(defaultSystemMessage(plain), null);
  const model = withDefault(plain, 'You are helpful.');
  assert.equal(defaultSystemMessage(model), 'You are helpful.');
  for (const labels of ['hard', 'soft'] as const) {
    const { details } = await responses.collect(contextOf(model, { statements, labels }));
    assert.equal(details.prefix_after, 'default_system_message');
  }
  const seen = plain.engine.reads.map(({ tokens }) => text(tokens));
  const [stated, bare] = [true, false].map((has) => seen.filter((each) => each.includes('Be glad.') === has));
  assert.ok(stated?.every((each) => each.startsWith('<system>You are helpful.\n\nBe glad.</><user>')));
  assert.ok(bare?.every((each) => each.startsWith('<system>You are helpful.</><user>')));
  // The span of soft labels is the concept's alone.
  const spans = plain.engine.reads.flatMap(({ tokens, span }) =>
    span[1] > span[0] ? [text(tokens.slice(...span))] : [],
  );
  assert.deepEqual(new Set(spans), new Set(['Be glad.']));
  const contrasted = await responses.collect(contextOf(model, { statements, ...contrast }));
  assert.equal(contrasted.details.prefix_after, undefined);
});

test('swapped sides give the opposite vector', async () => {
  const fit = (change: Partial<FitSettings>) => {
    const settings: FitSettings = {
      name: 'sea',
      prefix: '',
      recipe: 'responses',
      method: 'mean_difference',
      labels: 'hard',
      calibrate: false,
      contrast: 'opposite',
      maxTokens: 12,
      texts: 12,
      seed: 3,
      ...change,
    };
    return fitConcept(settings, fakeModel({ capacity: 4096 }), new AbortController().signal);
  };
  const [sea, hill] = ['You adore the sea.', 'You adore the hills.'];
  const swapped = { positive: statements.negative, negative: statements.positive };
  for (const recipe of ['attention', 'responses', 'texts'] as const) {
    const own = recipe === 'attention' ? [statements, swapped] : [undefined, undefined];
    const [one, other] = await Promise.all([
      fit({
        recipe,
        prefix: sea,
        opposite: hill,
        statements: own[0],
        token: recipe === 'attention' ? -30 : undefined,
      }),
      fit({
        recipe,
        prefix: hill,
        opposite: sea,
        statements: own[1],
        token: recipe === 'attention' ? -30 : undefined,
      }),
    ]);
    assert.ok(Math.abs(cosine(one.vectors, other.vectors) + 1) < 1e-6, recipe);
  }
});

test('a list that holds the concept alone is refused before anything runs', async () => {
  for (const recipe of [attention, responses]) {
    const { model, read } = collect({}, { others: ['Be glad.', 'be glad'] }, recipe);
    await assert.rejects(read, { code: 'invalid_value', param: 'others' });
    assert.throws(() => recipe.check(contextOf(model, { ...contrast, others: ['Be glad.', 'be glad'] })), {
      param: 'others',
    });
    assert.equal(model.engine.captures.length, 0);
  }
});

test('a message of the contrast that does not fit is refused, and named', async () => {
  const long = ['x'.repeat(600), 'Be sad.'];
  for (const recipe of [attention, responses]) {
    const { model, read } = collect({ capacity: 500 }, { others: long }, recipe);
    await assert.rejects(read, { code: 'context_length_exceeded', message: /message of the contrast/ });
    assert.throws(() => recipe.check(contextOf(model, { statements, ...contrast, others: long })), {
      message: /message of the contrast/,
    });
  }
});
