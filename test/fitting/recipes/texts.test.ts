/** Recipe `texts`: what is asked for, what is read back, and what is left out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statedConcept } from '../../../src/fitting/contrast/stated-concept.js';
import { fitConcept } from '../../../src/fitting/fit-concept.js';
import { fitPlan } from '../../../src/fitting/fit-plan.js';
import type { RecipeContext } from '../../../src/fitting/recipes/recipe.js';
import { textFault } from '../../../src/fitting/recipes/text-checks.js';
import { texts } from '../../../src/fitting/recipes/texts.js';
import { questions } from '../../../src/fitting/statements/questions.js';
import { neutralPrompts, openForms, textForms } from '../../../src/fitting/statements/text-forms.js';
import { FitRequest } from '../../../src/schemas/fits.js';
import { fakeModel } from '../fake-model.js';
import { contextOf, type SyntheticOptions, syntheticModel } from './synthetic-model.js';

const text = (tokens: readonly number[]) => String.fromCodePoint(...tokens);
const tea = statedConcept({ subject: 'tea' });
const contrast = { contrast: 'others', others: ['chess', 'old trains'] } as const;

function collect(change: Partial<RecipeContext>, options: SyntheticOptions = {}) {
  const prompts: string[] = [];
  const answer = (prompt: string) => {
    prompts.push(prompt);
    return options.answer?.(prompt) ?? `About ${prompt.length}.`;
  };
  const model = syntheticModel({ ...options, answer });
  const read = texts.collect(contextOf(model, { ...contrast, labels: 'hard', texts: 12, ...change }));
  return { prompts, engine: model.engine, read };
}

const filled = (forms: readonly string[], subject: string) =>
  forms.map((form) => form.replace('{x}', subject));
const neutral = new RegExp(
  `^<user>(?:${neutralPrompts.map((p) => p.replace(/[.?]/g, '\\$&')).join('|')})</><a>About`,
);

test('texts about the subject and about others are asked for and read back after neutral prompts', async () => {
  const { prompts, engine, read } = collect(tea);
  const { n, labels, details } = await read;
  assert.equal(n, 24);
  assert.deepEqual([...labels].slice(0, 4), [1, 0, 1, 0]);
  const asked = (subjects: string[]) =>
    subjects.flatMap((subject) => filled(textForms, subject).map((form) => `<user>${form}</><a>`));
  assert.deepEqual(new Set(prompts.slice(0, 12)), new Set(asked(['tea'])));
  const negatives = prompts.slice(12);
  assert.equal(negatives.filter((prompt) => prompt.includes('chess')).length, 6);
  assert.ok(negatives.every((prompt) => asked(['chess', 'old trains']).includes(prompt)));
  for (const { tokens, positions } of engine.reads) {
    assert.match(text(tokens), neutral);
    assert.equal(tokens.length - (positions[0] as number), positions.length);
    assert.ok(text(tokens.slice(positions[0])).startsWith('About '));
  }
  assert.deepEqual(details.kinds, { about: 12 });
});

test('with a message every second text is an answer under it, read back after its question alone', async () => {
  const message = {
    ...statedConcept({ class: 'personas', subject: 'Ma Baker' }),
    others: ['Ed Hill', 'Al Dale'],
  };
  const { prompts, engine, read } = collect(message);
  assert.deepEqual((await read).details.kinds, { about: 6, answer: 6 });
  const stated = prompts.filter((prompt) => prompt.startsWith('<system>'));
  assert.equal(stated.length, 12);
  assert.equal(stated.filter((prompt) => prompt.includes('role of Ma Baker.</><user>')).length, 6);
  const seen = engine.reads.map(({ tokens }) => text(tokens));
  assert.ok(seen.every((each) => !/Baker|Hill|Dale|system/.test(each)));
  const ofQuestions = seen.filter((each) => !neutral.test(each));
  assert.equal(ofQuestions.length, 12);
  for (const each of ofQuestions)
    assert.ok(
      questions.some((q) => each.startsWith(`<user>${q}</><a>`)),
      each,
    );
});

test('with a message and no subject all texts are written under it, in open forms', async () => {
  const { prompts, engine, read } = collect({ prefix: 'Be glad.', others: ['Be sad.', 'Be shy.'] });
  assert.deepEqual((await read).details.kinds, { open: 12 });
  for (const prompt of prompts)
    assert.ok(
      openForms.some((form) => prompt.endsWith(`</><user>${form}</><a>`)),
      prompt,
    );
  assert.equal(prompts.filter((prompt) => prompt.startsWith('<system>Be glad.')).length, 12);
  for (const { tokens } of engine.reads) assert.match(text(tokens), neutral);
});

test('without a contrast the other side is asked for texts of nothing in particular', async () => {
  const { prompts, read } = collect({ ...tea, contrast: 'none', others: undefined });
  await read;
  const open = openForms.map((form) => `<user>${form}</><a>`);
  assert.equal(prompts.filter((prompt) => open.includes(prompt)).length, 12);
  const mixed = collect({ ...tea, bareShare: 0.25 });
  await mixed.read;
  assert.equal(mixed.prompts.filter((prompt) => open.includes(prompt)).length, 3);
});

test('a model without a chat template continues beginnings', async () => {
  const { prompts, engine, read } = collect(tea, { template: 'none' });
  await read;
  assert.ok(prompts.every((prompt) => prompt.endsWith(':') && !prompt.includes('<')));
  assert.equal(prompts.filter((prompt) => prompt.includes(' tea')).length, 12);
  for (const { tokens } of engine.reads) assert.doesNotMatch(text(tokens), /tea|chess|trains/);
});

test('what is empty, refuses or repeats the instruction is left out and counted', async () => {
  const answer = (prompt: string) => {
    if (prompt.includes('Describe chess')) return "I'm sorry, but I cannot help with that.";
    if (prompt.includes('Describe tea')) return ' ...\n';
    if (prompt.includes('short story about tea')) return 'Sure. Write a short story about TEA: once';
    return 'Some words.';
  };
  const { engine, read } = collect(tea, { answer });
  const { n, details } = await read;
  assert.deepEqual(details.left_out, {
    positive: { empty: 2, refused: 0, repeated: 2 },
    negative: { empty: 0, refused: 2, repeated: 0 },
  });
  assert.deepEqual([details.positives, details.negatives], [8, 10]);
  assert.equal(n, 18);
  assert.equal(engine.reads.length, 18);
  await assert.rejects(collect(tea, { answer: (p) => (p.includes('tea') ? '' : 'Yes.') }).read, {
    code: 'fit_impossible',
    message: /wrote 0 usable texts about the concept of 12 \(12 empty, 0 refusals/,
  });
  assert.equal(
    textFault('You must always speak of the sea today, sir', ['Now you must always speak of the sea today.']),
    'repeated',
  );
  assert.equal(textFault('I speak of the sea.', ['You must always speak of the sea today.']), null);
});

test('attention sinks of texts are left out of what is read, and counted beside the texts that were left out', async () => {
  const answer = (prompt: string) => (prompt.includes('Describe tea') ? '' : 'Yes, it was, often.');
  const sinks = (position: number, read: string) => read[position] === ',';
  const { engine, read } = collect(tea, { answer, sinks });
  const { n, details, layers } = await read;
  assert.equal(n, 22);
  assert.equal(engine.reads.length, 22);
  assert.deepEqual(details.left_out, {
    positive: { empty: 2, refused: 0, repeated: 0 },
    negative: { empty: 0, refused: 0, repeated: 0 },
    attention_sinks: 44,
  });
  // The sinks of the fake are ten times as long as all else.
  for (const layer of layers) assert.ok(layer.every((x) => x < 1e4));
});

test('the same request gives the same concept, another seed other texts', async () => {
  const [settings] = fitPlan(
    FitRequest.parse({
      name: 'tea',
      recipe: 'texts',
      subject: 'tea',
      texts: 8,
      max_tokens: 6,
      calibrate: false,
    }),
  ).candidates;
  const fit = async (change: object) => {
    const model = fakeModel();
    const { version } = await fitConcept({ ...settings, ...change }, model, new AbortController().signal);
    const { requests } = model.engine;
    return { version, requests, seeds: requests.map(({ sampling }) => sampling.seed) };
  };
  const [first, second, other] = await Promise.all([fit({}), fit({}), fit({ seed: 1 })]);
  assert.equal(first.version, second.version);
  assert.notDeepEqual(first.seeds, other.seeds);
  // The same place of either side is drawn alike, every place otherwise.
  assert.equal(new Set(first.seeds).size, 8);
  assert.ok(first.requests.every(({ sampling }) => sampling.temperature === 0.8 && sampling.topP === 0.95));
  assert.ok(first.requests.every(({ priority }) => priority === 'background'));
});

test('a check reads the longest prompts alone, whichever side asks for them, and a fit each prompt once', async () => {
  const counting = (capacity = 4096) => {
    const model = syntheticModel({ capacity, answer: () => 'Some words.' });
    let encoded = 0;
    const tokenizer = Object.assign(Object.create(model.tokenizer), {
      encode: (...said: Parameters<typeof model.tokenizer.encode>) => {
        encoded++;
        return model.tokenizer.encode(...said);
      },
    }) as typeof model.tokenizer;
    return { model: { ...model, tokenizer }, encoded: () => encoded };
  };
  const request = { ...tea, ...contrast, labels: 'hard', texts: 256 } as const;
  const checked = counting();
  texts.check(contextOf(checked.model, request));
  assert.equal(checked.encoded(), 2);
  const collected = counting();
  await texts.collect(contextOf(collected.model, { ...request, texts: 20 }));
  // And the sentence that lengths are measured on.
  assert.equal(collected.encoded(), 2 * 2 * 20 + 1);
  // What is too long is one text in seven, of the contrast.
  const others = ['chess', 'rye', 'oak', 'tin', 'ink', 'fog', 'long '.repeat(40)];
  assert.throws(() => texts.check(contextOf(counting(200).model, { ...request, others })), {
    code: 'context_length_exceeded',
    message: /a text of the contrast/,
  });
});

test('planning gives way to a cancellation', async () => {
  const controller = new AbortController();
  const model = syntheticModel({});
  let encoded = 0;
  const slow = Object.assign(Object.create(model.tokenizer), {
    encode: (...said: Parameters<typeof model.tokenizer.encode>) => {
      encoded++;
      const until = performance.now() + 1;
      while (performance.now() < until);
      return model.tokenizer.encode(...said);
    },
  }) as typeof model.tokenizer;
  setImmediate(() => controller.abort());
  const context = contextOf(
    { ...model, tokenizer: slow },
    { ...tea, ...contrast, signal: controller.signal },
  );
  await assert.rejects(texts.collect(context), { name: 'AbortError' });
  assert.ok(encoded < 64, `${encoded} of 128`);
});

test('what does not fit is refused before anything runs, and an abort leaves nothing running', async () => {
  const { prompts, read } = collect(tea, { capacity: 40 });
  await assert.rejects(read, { code: 'context_length_exceeded' });
  assert.deepEqual(prompts, []);
  for (const stage of ['write', 'capture']) {
    const controller = new AbortController();
    const model = fakeModel();
    const stop = (at: string, done: number) => {
      if (at === stage && done === 3) controller.abort();
    };
    const context = contextOf(model, {
      ...tea,
      ...contrast,
      texts: 8,
      signal: controller.signal,
      onProgress: stop,
    });
    await assert.rejects(texts.collect(context), { name: 'AbortError' });
    assert.equal(model.engine.running, 0);
  }
});
