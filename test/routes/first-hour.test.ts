/** What a newcomer meets who sets nothing: lengths, temperature, and a concept that is still being fitted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletion } from '../../src/schemas/chat.js';
import type { FitJob } from '../../src/schemas/fit-jobs.js';
import { build } from '../helpers/app.js';

const chat = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hi' }];

test('an answer is as long as the settings say, and says that it was cut there', async (t) => {
  const { services, post, engine } = await build(t, { answer: () => 'x'.repeat(100) });
  const { get } = services.models;
  let answerTokens = 12;
  Object.assign(services.models, {
    get: async (id?: string) => ({ ...(await get.call(services.models, id)), answerTokens }),
  });
  const lengths = async (more: object) => {
    const { choices } = await post(chat, { messages, ...more }, ChatCompletion);
    return [engine.requests.at(-1)?.maxTokens, choices[0]?.finish_reason];
  };
  assert.deepEqual(await lengths({}), [12, 'length']);
  assert.deepEqual(await lengths({ max_tokens: 20 }), [20, 'length']);
  const [open] = await lengths({ n_predict: -1 });
  answerTokens = 0;
  assert.deepEqual(await lengths({}), [open, 'stop'], 'what the context has room for');
});

test('a concept that is being fitted is told so with its progress, until it is there', async (t) => {
  const waiting: FitJob = {
    id: 'fit-1',
    object: 'fit',
    status: 'running',
    name: 'trains',
    model: 'tiny',
    prefix: '',
    recipe: 'texts',
    method: 'auto',
    created_at: 1,
    started_at: 1,
    finished_at: null,
    progress: { stage: 'texts', done: 3, total: 40 },
    error: null,
    concept: null,
    warnings: [],
    layers: [],
  };
  const jobs = [waiting];
  const { services } = await build(t);
  const unfinished = () => jobs.filter(({ finished_at: end }) => end === null);
  const { refused } = await build(t, { fits: { ...services.fits, unfinished } });
  const early = await refused(chat, { messages, concept: 'trains' });
  assert.deepEqual([early.status, early.code], [409, 'concept_being_fitted']);
  assert.match(
    early.message,
    /"trains" is being fitted for model tiny: stage "texts", 3 of 40\..*fit-1\?wait=true/,
  );
  const other = await refused(chat, { messages, concept: 'planes' });
  assert.deepEqual([other.status, other.code], [404, 'concept_not_found']);
  jobs[0] = { ...waiting, finished_at: 2, status: 'failed' };
  assert.equal((await refused(chat, { messages, concept: 'trains' })).code, 'concept_not_found');
});
