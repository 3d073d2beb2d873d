/** Fit jobs over HTTP: their events, what is refused, and what is left when they are over. The model is a fake. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { Concept } from '../../src/concepts/concept.js';
import { errors } from '../../src/errors.js';
import { FitJobs } from '../../src/fitting/fit-jobs.js';
import { FitEvent, FitJob, FitList } from '../../src/schemas/fit-jobs.js';
import { type FakeOptions, fakeModel, concept as prefix } from '../fitting/fake-model.js';
import { build, gate, until } from '../helpers/app.js';
import { listen } from '../helpers/http.js';
import { atOnce } from '../helpers/jobs-at-once.js';

const body = (part: object = {}) => ({
  name: 'sea',
  prefix,
  recipe: 'responses',
  calibrate: false,
  max_tokens: 4,
  statements: { positive: ['a?', 'b?', 'c?'], negative: ['a?', 'b?', 'c?'] },
  ...part,
});

/** The application over real jobs on a fake model; `put` may be held up. */
async function setup(t: TestContext, options: FakeOptions = {}) {
  const model = fakeModel(options);
  const stored: Concept[] = [];
  const hold = { stored: Promise.resolve() };
  const fits = atOnce(
    new FitJobs({
      models: {
        get(id = model.id) {
          if (id !== model.id) throw errors.modelNotFound(id, [model.id]);
          return model;
        },
      },
      concepts: {
        async put(concept, signal) {
          await hold.stored;
          signal?.throwIfAborted();
          stored.push(concept);
        },
      },
    }),
  );
  const built = await build(t, { fits, bodyLimit: 200_000 });
  t.after(() => fits.close());
  const job = async (id: string) => FitJob.parse((await built.app.inject(`/v1/fits/${id}`)).json());
  const ended = async (id: string) => {
    for (;;) {
      const now = await job(id);
      if (now.finished_at !== null) return now;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  return { ...built, fits, model, stored, hold, job, ended };
}

/** Events of a body, each with the id and the name it was sent with. */
function parsed(text: string): FitEvent[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks
    .filter((block) => !block.startsWith(':'))
    .map((block) => {
      const [, id, name, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block) ?? assert.fail(block);
      const one = FitEvent.parse(JSON.parse(data as string));
      assert.deepEqual([one.id, one.type], [id, name]);
      return one;
    });
}

test('a fit is told from queue to end, live and again afterwards', async (t) => {
  const { app, post, ended, hold, job } = await setup(t);
  const store = gate();
  hold.stored = store.passed;
  const base = await listen(app);
  const { id } = await post('/v1/fits', body(), FitJob);
  const path = `/v1/fits/${id}/events`;
  const reply = await fetch(`${base}${path}`);
  assert.equal(reply.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  let text = '';
  const reading = (async () => {
    for await (const chunk of reply.body ?? []) text += Buffer.from(chunk).toString();
  })();
  // Live: the store stage is told while the concept is not there yet.
  await until(() => text.includes('"store 0/1"'));
  assert.equal((await job(id)).status, 'running');
  store.open();
  await reading;
  const events = parsed(text);
  const states = events.flatMap((one) => (one.type === 'status' ? [one.data.status] : []));
  assert.deepEqual(states, ['queued', 'running', 'succeeded']);
  assert.deepEqual(events.at(-1)?.type, 'status');
  const ids = events.map((one) => Number(one.id));
  assert.deepEqual(
    ids,
    [...new Set(ids)].sort((a, b) => a - b),
  );

  const finished = await ended(id);
  const layers = events.flatMap((one) => (one.type === 'layer' ? [one.data] : []));
  assert.deepEqual(
    layers.sort((a, b) => a.layer - b.layer),
    finished.layers,
  );
  assert.deepEqual(
    finished.layers.map(({ layer }) => layer),
    [1, 2, 3],
  );
  assert.ok(finished.layers.every(({ seconds, sign }) => seconds >= 0 && sign !== undefined));

  const again = await app.inject(path);
  const replayed = parsed(again.body);
  assert.deepEqual(replayed.at(-1), events.at(-1));
  assert.deepEqual(
    replayed.filter(({ type }) => type !== 'progress'),
    events.filter(({ type }) => type !== 'progress'),
  );
  const half = replayed[3]?.id as string;
  const rest = await app.inject({ url: path, headers: { 'last-event-id': half } });
  assert.deepEqual(parsed(rest.body), replayed.slice(4));
  const last = events.at(-1)?.id as string;
  const over = await app.inject({ url: path, headers: { 'last-event-id': last } });
  assert.deepEqual([over.statusCode, over.body], [204, '']);

  const bad = await app.inject({ url: path, headers: { 'last-event-id': 'x' } });
  assert.equal(bad.statusCode, 400, bad.body);
  assert.match(bad.body, /last-event-id/);
  assert.equal((await app.inject('/v1/fits/fit-none/events')).statusCode, 404);
  const list = FitList.parse((await app.inject('/v1/fits')).json());
  assert.deepEqual(
    list.data.map((one) => [one.id, 'layers' in one]),
    [[id, false]],
  );
});

test('readers that leave or stop reading hold nothing up, and closing the server ends the others', async (t) => {
  const { app, post, fits, hold, stored, ended } = await setup(t);
  const store = gate();
  hold.stored = store.passed;
  const base = await listen(app);
  const first = await post('/v1/fits', body({ name: 'first' }), FitJob);
  const second = await post('/v1/fits', body({ name: 'second' }), FitJob);
  const open = async (id: string) => {
    const request = get(`${base}/v1/fits/${id}/events`);
    request.on('error', () => {});
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { request, response };
  };
  const leaver = await open(first.id);
  const deaf = await open(first.id);
  deaf.response.pause();
  await until(() => (fits.events(first.id)?.readers ?? 0) === 2);
  leaver.request.destroy();
  await until(() => (fits.events(first.id)?.readers ?? 0) === 1 && app.answers.size === 1);
  store.open();
  assert.equal((await ended(first.id)).status, 'succeeded');
  await until(() => fits.events(first.id)?.readers === 0);
  deaf.request.destroy();

  assert.equal((await ended(second.id)).status, 'succeeded');
  const never = gate();
  hold.stored = never.passed;
  const third = await post('/v1/fits', body({ name: 'third' }), FitJob);
  const reader = await open(third.id);
  let text = '';
  reader.response.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  await until(() => text.includes('"store 0/1"'));
  setTimeout(() => never.open(), 20);
  await Promise.all([app.close(), fits.close(), once(reader.response, 'end')]);
  assert.equal(parsed(text).at(-1)?.message, 'cancelled');
  assert.deepEqual(
    stored.map(({ name }) => name),
    ['first', 'second'],
  );
});

test('a full queue is 429 with Retry-After, and the jobs in it are unharmed', async (t) => {
  const { post, refused, hold, fits } = await setup(t);
  const store = gate();
  hold.stored = store.passed;
  for (let i = 0; i < 65; i++) await post('/v1/fits', body(), FitJob);
  const refusal = await refused('/v1/fits', body());
  assert.deepEqual([refusal.status, refusal.code], [429, 'queue_full']);
  assert.ok(Number((refusal.headers as Record<string, string>)['retry-after']) > 0);
  assert.equal(fits.list().length, 65);
  const closing = fits.close();
  store.open();
  await closing;
  assert.ok(fits.list().every(({ status }) => status === 'cancelled'));
});

test('two fits of one name at once: the last wins, and neither breaks', async (t) => {
  const { post, stored, ended, model } = await setup(t);
  const first = await post('/v1/fits', body(), FitJob);
  const second = await post('/v1/fits', body({ seed: 1 }), FitJob);
  assert.deepEqual(
    [(await ended(first.id)).status, (await ended(second.id)).status],
    ['succeeded', 'succeeded'],
  );
  assert.deepEqual(
    stored.map(({ name, record }) => [name, record.seed]),
    [
      ['sea', 0],
      ['sea', 1],
    ],
  );
  assert.equal((await ended(second.id)).concept?.version, stored[1]?.version);
  assert.equal(model.engine.running, 0);
});

test('5,000 texts a side are taken, in a body larger than others may be, and their fit is cancelled at once', async (t) => {
  const { post, refused, job, stored } = await setup(t);
  const side = (count: number, mark: string) =>
    Array.from({ length: count }, (_, i) => `${mark} ${i}? ${'.'.repeat(40)}`);
  for (const [path, part] of [
    ['/v1/fits', { statements: { positive: side(5000, 'Why'), negative: side(5000, 'How') } }],
    [
      '/v1/concepts',
      {
        recipe: 'examples',
        prefix: undefined,
        statements: undefined,
        examples: { positive: side(5000, 'Why'), negative: side(5000, 'How') },
      },
    ],
  ] as const) {
    assert.ok(JSON.stringify(body(part)).length > 500_000);
    const { id } = await post(path, body(part), FitJob);
    while ((await job(id)).progress === null) await new Promise((resolve) => setTimeout(resolve, 5));
    const started = performance.now();
    assert.equal((await post(`/v1/fits/${id}/cancel`, {}, FitJob)).status, 'cancelled');
    assert.ok(performance.now() - started < 2000, `${performance.now() - started} ms`);
  }
  assert.equal(stored.length, 0);
  const tooMany = await refused(
    '/v1/fits',
    body({ statements: { positive: side(5001, 'a'), negative: side(2, 'b') } }),
  );
  assert.deepEqual([tooMany.status, tooMany.param], [400, 'statements.positive']);
  assert.match(tooMany.message, /a list of 2 to 5000 texts; received a list of 5001/);
  const huge = await refused('/v1/fits', { ...body(), prefix: 'x'.repeat(17_000_000) });
  assert.deepEqual([huge.status, huge.code], [413, 'body_too_large']);
});

test('a fit that is waited for answers when it has ended, asked for or looked up', async (t) => {
  const { app, post } = await setup(t);
  const made = await post('/v1/fits?wait=true', body(), FitJob);
  assert.deepEqual([made.status, made.concept?.name], ['succeeded', 'sea']);
  const bad = await post('/v1/fits?wait=true', body({ name: 'two', max_tokens: 1 }), FitJob);
  const again = await app.inject(`/v1/fits/${bad.id}?wait=true`);
  assert.deepEqual(again.json(), bad);
  assert.equal((await app.inject(`/v1/fits/${bad.id}?wait=perhaps`)).statusCode, 400);
});
