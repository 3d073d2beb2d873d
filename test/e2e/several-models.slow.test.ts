/**
 * Many models in one server whose memory does not hold them together: a tiny one of each fixture beside the embedded
 * one, asked at the same time. Every answer is the one that the model gives alone.
 */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { exampleRequest } from '../../src/commands/serve.js';
import { readSettings } from '../../src/config.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import { ModelList, ModelObject } from '../../src/schemas/models.js';
import { openServices } from '../../src/server/open-services.js';
import { type RunningServer, startServer } from '../../src/server/server.js';
import { until } from '../helpers/app.js';
import { embeddedDirectory } from '../helpers/embedded-model.js';
import { families, goldensOf } from '../helpers/families.js';
import { temporaryData } from './running-server.js';

const embedded = 'smollm2-135m-instruct';
const names = families.map(({ name }) => name);
/** MiB: the embedded model with a context of 256 tokens has 162 at least, the tiny ones some 8 together. */
const budget = 167;

/** Its text says which tokens it stands for, whatever they are. */
const numbers = (size: number) => ({
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: 'Fuse' },
  model: {
    type: 'BPE',
    unk_token: null,
    vocab: Object.fromEntries(Array.from({ length: size }, (_, id) => [`[${id}]`, id])),
    merges: [],
  },
});

/** A model folder without a chat template, as a base model has none. */
async function addModel(models: string, fixture: string, id = fixture): Promise<void> {
  const { directory, floats, ids } = goldensOf({ name: fixture } as (typeof families)[number]);
  // It comes into its place whole, as a pull does it.
  const making = join(models, `.${id}`);
  await mkdir(making);
  for (const file of await readdir(directory)) {
    if (!file.startsWith('golden')) await copyFile(join(directory, file), join(making, file));
  }
  const size = floats('logits.0').length / ids('input_ids.0').length;
  await writeFile(join(making, 'tokenizer.json'), JSON.stringify(numbers(size)));
  await writeFile(join(making, 'steerd.json'), JSON.stringify({ slots: 4 }));
  await rename(making, join(models, id));
}

let models: Awaited<ReturnType<typeof temporaryData>>;
let data: Awaited<ReturnType<typeof temporaryData>>;
let server: RunningServer;

async function start(model: string, dataDirectory: string, more: Record<string, string> = {}) {
  const settings = readSettings({
    PORT: '0',
    STEERD_DATA_DIR: dataDirectory,
    STEERD_MODELS_DIR: models.directory,
    STEERD_MODEL: model,
    STEERD_THREADS: '1',
    STEERD_SLOTS: '2',
    STEERD_CONTEXT: '256',
    STEERD_DEVICE: 'cpu',
    ...more,
  });
  const started = await startServer(settings, openServices, pino({ level: 'silent' }));
  await started.services.loaded;
  return started;
}

before(async () => {
  [models, data] = await Promise.all([temporaryData(), temporaryData()]);
  await symlink(embeddedDirectory, join(models.directory, embedded));
  for (const name of names) await addModel(models.directory, name);
  server = await start(embedded, data.directory, { STEERD_MEMORY: String(budget) });
});
after(async () => {
  await server.stop();
  await Promise.all([models.clean(), data.clean()]);
});

async function call(url: string, method: string, body?: object): Promise<{ status: number; json: unknown }> {
  const reply = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return { status: reply.status, json: await reply.json() };
}

const list = async () => ModelList.parse((await call(`${server.url}/v1/models`, 'GET')).json).data;
const stateOf = async (id: string) => (await list()).find((model) => model.id === id)?.state;

/** Directions of a model's own: no two models get the same. */
async function addConcept(url: string, model: string): Promise<void> {
  const { hidden_size, layers } = ModelObject.parse((await call(`${url}/v1/models/${model}`, 'GET')).json);
  const row = (layer: number) =>
    Array.from({ length: hidden_size ?? 0 }, (_, i) => Math.sin(model.length + layer * 7.3 + i * 1.7));
  const vectors = Object.fromEntries(
    Array.from({ length: (layers ?? 0) - 1 }, (_, i) => [i + 1, row(i + 1)]),
  );
  const put = await call(`${url}/v1/concepts/wave/vectors?model=${model}`, 'PUT', { vectors });
  assert.equal(put.status, 200, JSON.stringify(put.json));
}

/** What is asked of each model: to go on with a prompt, plain and steered. */
function bodies(model: string): object[] {
  const prompt = names.includes(model)
    ? goldensOf({ name: model } as (typeof families)[number]).ids('input_ids.0')
    : 'Far away from the city,';
  const usual = { model, prompt, max_tokens: 12, temperature: 0, ignore_eos: true };
  return [usual, { ...usual, steering: { concept: 'wave', scale: 'raw', strength: 6 } }];
}

interface Answer {
  readonly text: string;
  /** Log-probabilities of its tokens: they differ where the tokens of a tiny model do not. */
  readonly logprobs: readonly number[];
}

async function answer(url: string, body: object): Promise<Answer> {
  const { status, json } = await call(`${url}/v1/completions`, 'POST', { ...body, logprobs: 0 });
  assert.equal(status, 200, JSON.stringify(json));
  const [choice] = (json as { choices: { text: string; logprobs: { token_logprobs: number[] } }[] }).choices;
  return { text: choice?.text ?? '', logprobs: choice?.logprobs.token_logprobs ?? [] };
}

/** Rows of a batch differ in their last bits by what runs beside them. */
const tolerance = 1e-3;

const apart = (a: Answer | undefined, b: Answer | undefined) =>
  Math.max(...(a?.logprobs ?? []).map((value, i) => Math.abs(value - (b?.logprobs[i] ?? Number.NaN))));

const same = (a: Answer | undefined, b: Answer | undefined) => a?.text === b?.text && apart(a, b) < tolerance;

/** Answers of a server that has nothing but this model in memory, one after the other. */
async function alone(model: string): Promise<Answer[]> {
  const own = await temporaryData();
  const lone = await start(model, own.directory);
  try {
    await addConcept(lone.url, model);
    const answers: Answer[] = [];
    for (const body of bodies(model)) answers.push(await answer(lone.url, body));
    return answers;
  } finally {
    await lone.stop();
    await own.clean();
  }
}

test('models are listed with what they take, and none is loaded for that', async () => {
  const all = await list();
  assert.deepEqual(all.map(({ id }) => id).sort(), [embedded, ...names].sort());
  assert.equal(all[0]?.id, embedded);
  for (const { id, state, size, slots, layers, max_model_len, pinned, problem } of all) {
    assert.equal(state, id === embedded ? 'ready' : 'unloaded');
    assert.equal(pinned, id === embedded);
    assert.ok(size && size.weights > 0 && size.kv > 0 && layers && max_model_len, id);
    assert.deepEqual([slots, problem], [id === embedded ? 2 : 4, null]);
  }
});

test('all at once, in a memory that does not hold all: every answer is the one of the model alone', async () => {
  const everyone = [embedded, ...names];
  const expected = new Map<string, Answer[]>();
  const lonely = everyone.values();
  const ask = async () => {
    for (const model of lonely) expected.set(model, await alone(model));
  };
  await Promise.all([ask(), ask()]);
  for (const model of everyone) await addConcept(server.url, model);
  for (const [model, answers] of expected) {
    assert.ok(apart(answers[0], answers[1]) > 10 * tolerance, `${model}: not steered`);
  }
  const asked = everyone.flatMap((model) => bodies(model).map((body, i) => ({ model, body, i })));
  // In an order in which neighbours are of different models.
  asked.sort((a, b) => a.i - b.i);
  let most = 0;
  const watching = setInterval(async () => {
    const loaded = server.services.models.loaded();
    most = Math.max(
      most,
      loaded.reduce((sum, { bytes }) => sum + bytes, 0),
    );
  }, 1);
  const queue = asked.values();
  const wrong: string[] = [];
  const client = async () => {
    for (const { model, body, i } of queue) {
      const got = await answer(server.url, body);
      if (!same(got, expected.get(model)?.[i])) wrong.push(`${model} ${i}: ${JSON.stringify(got)}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  clearInterval(watching);
  assert.deepEqual(wrong, []);
  assert.ok(most <= budget * 1024 ** 2, `${most} bytes were in use`);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const unloads = [...metrics.matchAll(/^steerd_model_unloads_total\{.*reason="memory"\} (\d+)$/gm)];
  assert.ok(unloads.reduce((sum, [, count]) => sum + Number(count), 0) > 0, 'nothing had to be unloaded');
  assert.ok(!unloads.some(([line]) => line.includes(embedded)), 'the default model stays');
  const states = await list();
  assert.ok(
    states.some(({ state }) => state === 'unloaded') && states.some(({ state }) => state === 'ready'),
  );
});

test('greedy answers are those of PyTorch', async () => {
  const name = 'llama-genai';
  const text = goldensOf({ name } as (typeof families)[number])
    .ids('greedy.0')
    .map((id) => `[${id}]`)
    .join('');
  const [body] = bodies(name);
  assert.equal((await answer(server.url, body ?? {})).text, text);
});

test('a concept of another model is refused with the models that have it', async () => {
  const [name, other] = ['llama-genai', 'phi-genai'];
  const put = await call(`${server.url}/v1/concepts/only here/vectors?model=${name}`, 'PUT', {
    vectors: { 1: Array.from({ length: 64 }, (_, i) => i + 1) },
  });
  assert.equal(put.status, 200);
  const refused = await call(`${server.url}/v1/completions`, 'POST', {
    model: other,
    prompt: [1],
    concept: 'only here',
  });
  const { error } = ErrorBody.parse(refused.json);
  assert.deepEqual([refused.status, error.code, error.param], [404, 'concept_not_found', 'concept']);
  assert.match(error.message, /for model phi-genai, but for llama-genai/);
});

test('loading and unloading by request: both can be repeated, and what is in use stays', async () => {
  const at = (what: string) => `${server.url}/v1/models/qwen3-genai/${what}`;
  for (let i = 0; i < 2; i++) {
    const loaded = await call(at('load'), 'POST');
    assert.deepEqual([loaded.status, ModelObject.parse(loaded.json).state], [200, 'ready']);
  }
  const [body] = bodies('qwen3-genai');
  const answering = answer(server.url, { ...body, max_tokens: 200 });
  await until(() => server.services.models.loaded().some(({ model }) => model.engine.load().running > 0));
  const refused = await call(at('unload'), 'POST');
  assert.equal(refused.status, 409, JSON.stringify(refused.json));
  assert.equal(ErrorBody.parse(refused.json).error.code, 'model_in_use');
  await answering;
  for (let i = 0; i < 2; i++) {
    const unloaded = await call(at('unload'), 'POST', {});
    assert.deepEqual([unloaded.status, ModelObject.parse(unloaded.json).state], [200, 'unloaded']);
  }
  assert.equal((await call(`${server.url}/v1/models/nothing/load`, 'POST')).status, 404);
});

test('a folder that comes is found without a restart, one that goes is not; one that is wrong says why', async () => {
  await addModel(models.directory, 'phi3-genai', 'newcomer');
  const asked = { ...bodies('phi3-genai')[0], model: 'newcomer' };
  assert.deepEqual(await answer(server.url, asked), await answer(server.url, bodies('phi3-genai')[0] ?? {}));
  const folder = join(models.directory, 'newcomer');
  await call(`${server.url}/v1/models/newcomer/unload`, 'POST');

  await writeFile(join(folder, 'steerd.json'), '{"slots": 0}');
  const wrong = (await list()).find(({ id }) => id === 'newcomer');
  assert.match(wrong?.problem ?? '', /steerd\.json: slots must be at least 1; received 0/);
  const refused = await call(`${server.url}/v1/completions`, 'POST', asked);
  assert.equal(refused.status, 503);
  assert.match(ErrorBody.parse(refused.json).error.message, /slots must be at least 1/);

  await rm(folder, { recursive: true });
  assert.equal(await stateOf('newcomer'), undefined);
  assert.equal((await call(`${server.url}/v1/completions`, 'POST', asked)).status, 404);
});

test('a model that the memory can never hold is refused with what it needs', async () => {
  await symlink(embeddedDirectory, join(models.directory, 'huge'));
  const refused = await call(`${server.url}/v1/completions`, 'POST', { model: 'huge', prompt: [1] });
  const { error } = ErrorBody.parse(refused.json);
  assert.deepEqual([refused.status, error.code], [503, 'model_too_large']);
  assert.match(
    error.message,
    /KV cache for one sequence of 256 tokens.*may take 167 MiB.*pinned ones have 162 MiB/,
  );
  await rm(join(models.directory, 'huge'));
});

test('four models answer in a memory that held two while all slots were counted as full', async (t) => {
  const [own, folder] = await Promise.all([temporaryData(), temporaryData()]);
  t.after(() => Promise.all([own.clean(), folder.clean()]));
  const ids = ['a', 'b', 'c', 'd'];
  for (const id of ids) await symlink(embeddedDirectory, join(folder.directory, id));
  // 139 MiB of weights each, and 45 for each of 16 slots of 1,024 tokens and the row where texts are read.
  const memory = 2 * (139 + 17 * 45 + 1);
  const four = await start('a', own.directory, {
    STEERD_MODELS_DIR: folder.directory,
    STEERD_SLOTS: '16',
    STEERD_CONTEXT: '1024',
    STEERD_MEMORY: String(memory),
  });
  t.after(() => four.stop());
  const body = { prompt: 'Far away from the city,', max_tokens: 8, temperature: 0 };
  const [first, ...others] = await Promise.all(ids.map((model) => answer(four.url, { ...body, model })));
  for (const other of others) assert.deepEqual(other, first);
  const { data: all } = ModelList.parse((await call(`${four.url}/v1/models`, 'GET')).json);
  assert.deepEqual(
    all.flatMap(({ id, state }) => (ids.includes(id) ? [state] : [])),
    ids.map(() => 'ready'),
  );
  // All sixteen slots of all of them at once: some wait for others, for which one that has
  // nothing to do may be unloaded meanwhile, and nobody is refused.
  const many = ids.flatMap((model) =>
    Array.from({ length: 16 }, () => ({ ...body, model, max_tokens: 900 })),
  );
  const most = await Promise.all(many.map((one) => answer(four.url, { ...one, stop: [' '] })));
  assert.equal(new Set(most.map(({ text }) => text)).size, 1);
  const bytes = four.services.models.loaded().reduce((sum, model) => sum + model.bytes, 0);
  assert.ok(bytes <= memory * 1024 ** 2, `${bytes} bytes are counted`);
});

test('a base model starts, and its example is a text to go on with', async (t) => {
  const own = await temporaryData();
  t.after(own.clean);
  const lone = await start('llama-genai', own.directory);
  t.after(() => lone.stop());
  assert.match(await exampleRequest(lone, 'llama-genai'), /\/v1\/completions .*"prompt"/);
});
