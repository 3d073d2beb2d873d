/** How a model comes and goes: loads and engines here are fakes that a test holds up or breaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Footprint } from '../../../src/engine/load/footprint.js';
import { SteerdError } from '../../../src/errors.js';
import { keepLoaded } from '../../../src/models/model.js';
import type { RunningModel } from '../../../src/models/serve/load.js';
import { ManagedModel, type ManagedModelOptions } from '../../../src/models/serve/managed-model.js';
import { MemoryBudget } from '../../../src/models/serve/memory-budget.js';
import type { ServingSettings } from '../../../src/models/serving-settings.js';
import { gate, until } from '../../helpers/app.js';
import { request } from '../../helpers/engine.js';
import { FakeEngine, type FakeEngineOptions, fakeModel } from '../../helpers/fake-engine.js';

const usual: ServingSettings = {
  threads: 1,
  slots: 4,
  context: 0,
  prefillChunk: 64,
  queue: 4,
  idleSeconds: 0,
  pinned: false,
};

const footprint = (bytes: number): Footprint => ({
  weights: bytes,
  leastKv: 0,
  capacityWhy: '',
  kv: 0,
  capacity: 512,
  layers: 3,
  hiddenSize: 4,
});

interface Options extends FakeEngineOptions, Partial<Omit<ManagedModelOptions, 'budget'>> {
  readonly bytes?: number;
  readonly serving?: Partial<ServingSettings>;
  /** Awaited before a load is done. */
  readonly before?: (attempt: number) => Promise<unknown>;
}

const budgetOf = (limit: number) => new MemoryBudget({ limit, hard: true, patienceMilliseconds: 60_000 });

/** A model over fake engines, with what happened to it. */
function setup(options: Options = {}, budget = budgetOf(1000)) {
  const { bytes = 100, serving = {}, before = async () => {} } = options;
  const engines: FakeEngine[] = [];
  const events: string[] = [];
  const deaths: ((reason: Error) => void)[] = [];
  let attempts = 0;
  const model: ManagedModel = new ManagedModel({
    id: options.id ?? 'one',
    budget,
    waitMilliseconds: 60_000,
    graceMilliseconds: 0,
    settings: async () => ({ ...usual, ...serving }),
    measure: async () => footprint(bytes),
    async load() {
      await before(++attempts);
      const engine = new FakeEngine(options);
      engines.push(engine);
      const died = new Promise<Error>((resolve) => deaths.push(resolve));
      return { ...fakeModel(engine, model.id), died, device: 'cpu', warnings: [] } satisfies RunningModel;
    },
    onUnloaded: (reason) => events.push(reason),
    ...options,
  });
  return { model, budget, engines, events, deaths, attempts: () => attempts };
}

type Setup = ReturnType<typeof setup>;

const ask = request([65], { maxTokens: 20 });

async function answer(model: ManagedModel, signal?: AbortSignal): Promise<string> {
  const { engine } = await model.get(signal);
  let text = '';
  for await (const { token } of engine.generate(ask, signal)) text += String.fromCodePoint(token ?? 46);
  return text;
}

const code = (wanted: string) => (error: unknown) => error instanceof SteerdError && error.code === wanted;

test('however many ask at once, it is loaded once, and all get it', async () => {
  const loading = gate();
  const { model, attempts } = setup({ before: () => loading.passed });
  const answers = Array.from({ length: 10 }, () => answer(model));
  await until(() => model.state === 'loading');
  loading.open();
  assert.equal(new Set(await Promise.all(answers)).size, 1);
  assert.deepEqual([attempts(), model.state, model.uses], [1, 'ready', 0]);
});

test('a failed load answers everybody who waited, and is tried again after a pause, not before', async () => {
  const { model, attempts } = setup({
    retryPauses: [200],
    before: async (attempt) => {
      if (attempt === 1) throw new Error('the weights are rotten');
    },
  });
  const waiting = Array.from({ length: 5 }, () => answer(model));
  for (const one of waiting) await assert.rejects(one, /rotten/);
  await assert.rejects(answer(model), /rotten/);
  assert.deepEqual([attempts(), model.state], [1, 'failed']);
  await pause(250);
  await answer(model);
  assert.deepEqual([attempts(), model.state, model.failure], [2, 'ready', null]);
});

test('pauses grow with each load tried in vain, not with those that were not begun', async () => {
  const wrong = { slots: true };
  const { model, attempts } = setup({
    retryPauses: [10, 60_000],
    settings: async () => {
      if (wrong.slots) throw new Error('slots must be at least 1');
      return usual;
    },
    before: async () => {
      throw new Error('rotten');
    },
  });
  for (let i = 0; i < 3; i++) {
    await assert.rejects(model.get(), /slots/);
    await pause(20);
  }
  wrong.slots = false;
  await assert.rejects(model.get(), /rotten/);
  await pause(20);
  await assert.rejects(model.get(), /rotten/);
  await pause(20);
  await assert.rejects(model.get(), /rotten/);
  assert.equal(attempts(), 2);
});

test('a load that fails gives its room back', async () => {
  const { model, budget } = setup({
    before: async () => {
      throw new Error('no');
    },
  });
  await assert.rejects(model.get());
  assert.equal(budget.used, 0);
});

test('who waits too long is told to come back, and the load goes on; who leaves waits no more', async () => {
  const loading = gate();
  const { model } = setup({ waitMilliseconds: 30, before: () => loading.passed });
  await assert.rejects(model.get(), (error) => {
    assert.ok(error instanceof SteerdError);
    return error.status === 503 && (error.retryAfterSeconds ?? 0) > 0 && /loading/.test(error.message);
  });
  const gone = new AbortController();
  const left = model.get(gone.signal);
  gone.abort(new Error('gone'));
  await assert.rejects(left, /gone/);
  loading.open();
  await until(() => model.state === 'ready');
});

test('a use that begins after an unload loads the model again', async () => {
  const { model, engines, events } = setup();
  const { engine } = await model.get();
  await model.unload(false);
  assert.deepEqual([model.state, engines[0]?.closed, events], ['unloaded', true, ['request']]);
  const steps = [];
  for await (const step of engine.generate(ask)) steps.push(step);
  assert.ok(steps.length > 3);
  assert.deepEqual([engines.length, model.state, model.uses], [2, 'ready', 0]);
});

test('a use of files that were replaced meanwhile is refused, for its edit was made for others', async () => {
  const { model } = setup();
  await model.get();
  await assert.rejects(model.lease('another fingerprint'), code('model_unavailable'));
  assert.equal(model.uses, 0);
});

test('a model in use is not unloaded, unless by force, and then what runs on it fails', async () => {
  const half = gate();
  const { model, engines } = setup({ pace: async (step) => step === 2 && half.passed });
  const running = answer(model);
  await until(() => model.uses === 1);
  await assert.rejects(model.unload(false), code('model_in_use'));
  assert.equal(engines[0]?.closed, false);
  await model.unload(true);
  assert.deepEqual([engines[0]?.closed, model.state], [true, 'unloaded']);
  half.open();
  await running;
  // The use that ended belonged to a model that is gone: it must not count against the next one.
  await model.get();
  assert.equal(model.uses, 0);
});

test('one model makes room for the other: both answer, in turns, as often as they are asked', async () => {
  const budget = budgetOf(150);
  const a = setup({ id: 'a' }, budget);
  const b = setup({ id: 'b' }, budget);
  const expected = await answer(a.model);
  for (const { model } of [b, a, b, a]) {
    assert.equal(await answer(model), expected);
    assert.ok(budget.used <= 150);
  }
  const all = await Promise.all(
    Array.from({ length: 40 }, (_, i) => answer(i % 2 === 0 ? a.model : b.model)),
  );
  assert.deepEqual(new Set(all), new Set([expected]));
  assert.ok(a.events.includes('memory') && b.events.includes('memory'));
});

test('a model is not unloaded under a stream or under a job that keeps it', async () => {
  const budget = budgetOf(150);
  const half = gate();
  const job = gate();
  const a = setup({ id: 'a', pace: async (step) => step === 2 && half.passed }, budget);
  const b = setup({ id: 'b', waitMilliseconds: 60 }, budget);
  const stream = answer(a.model);
  await until(() => a.model.uses === 1);
  await assert.rejects(b.model.get(), code('model_unavailable'));
  half.open();
  await stream;
  const model = await a.model.get();
  const kept = keepLoaded(model, () => job.passed);
  await until(() => a.model.uses === 1);
  await assert.rejects(b.model.get(), /in use/);
  assert.equal(a.engines.length, 1);
  job.open();
  await kept;
  await b.model.get();
  assert.deepEqual([a.model.state, a.events], ['unloaded', ['memory']]);
});

test('who was given a model is given time to use it', async () => {
  const budget = budgetOf(150);
  const a = setup({ id: 'a', graceMilliseconds: 200 }, budget);
  const b = setup({ id: 'b' }, budget);
  const { engine } = await a.model.get();
  const other = b.model.get();
  await pause(30);
  for await (const _ of engine.generate(ask));
  await other;
  assert.equal(a.engines.length, 1);
});

test('one that was still loading when its memory was needed leaves when its uses have ended', async () => {
  const budget = new MemoryBudget({ limit: 150, hard: true, patienceMilliseconds: 10 });
  const loading = gate();
  const a = setup({ id: 'a', before: () => loading.passed }, budget);
  const b = setup({ id: 'b' }, budget);
  const kept = a.model.get().then((model) => model.hold?.());
  await until(() => a.attempts() === 1);
  const other = b.model.get();
  await pause(30);
  loading.open();
  const release = await kept;
  await until(() => a.model.state === 'unloading');
  assert.deepEqual([a.model.uses, a.engines[0]?.closed], [1, false]);
  release?.();
  await other;
  assert.deepEqual([a.model.state, a.events], ['unloaded', ['memory']]);
});

test('time to use a model that was given is left even when its memory is needed urgently', async () => {
  const budget = new MemoryBudget({ limit: 150, hard: true, patienceMilliseconds: 10 });
  const a = setup({ id: 'a', graceMilliseconds: 100 }, budget);
  const b = setup({ id: 'b' }, budget);
  const { engine } = await a.model.get();
  const other = b.model.get();
  await until(() => a.model.state === 'unloading');
  await pause(20);
  for await (const _ of engine.generate(ask));
  await other;
  assert.deepEqual([a.engines.length, a.events], [1, ['memory']]);
  // Nobody used it: it leaves when the time is over.
  const again = a.model.get();
  await b.model.unload(false);
  await again;
  await b.model.get();
  assert.equal(a.model.state, 'unloaded');
});

test('one that is being unloaded already makes room: no other is evicted beside it', async () => {
  const budget = new MemoryBudget({ limit: 250, hard: true, patienceMilliseconds: 10 });
  const [a, b, c] = ['a', 'b', 'c'].map((id) => setup({ id }, budget)) as [Setup, Setup, Setup];
  await a.model.get();
  const release = await (await b.model.get()).hold?.();
  const closing = gate();
  const [engine] = a.engines;
  assert.ok(engine);
  engine.close = () => closing.passed;
  const unloaded = a.model.unload(false);
  const other = c.model.get();
  await pause(30);
  closing.open();
  await Promise.all([unloaded, other]);
  assert.deepEqual([b.model.state, b.events], ['ready', []]);
  release?.();
});

test('what can never fit is refused with what it needs and what there is', async () => {
  const { model } = setup({ bytes: 2000 * 1024 ** 2 }, budgetOf(1024 ** 3));
  await assert.rejects(model.get(), (error) => {
    assert.ok(error instanceof SteerdError);
    assert.deepEqual([error.code, error.retryAfterSeconds], ['model_too_large', null]);
    return /2000 MiB/.test(error.message) && /1024 MiB/.test(error.message) && /slots/.test(error.message);
  });
});

test('an idle model is unloaded after its time, one in use or pinned is not', async () => {
  const idle = setup({ serving: { idleSeconds: 0.1 } });
  const pinned = setup({ serving: { idleSeconds: 0.1, pinned: true } });
  const used = setup({ serving: { idleSeconds: 0.1 } });
  await Promise.all([idle.model.get(), pinned.model.get()]);
  const release = await (await used.model.get()).hold?.();
  await until(() => idle.model.state === 'unloaded');
  await pause(150);
  assert.deepEqual([pinned.model.state, used.model.state, idle.events], ['ready', 'ready', ['idle']]);
  release?.();
  await until(() => used.model.state === 'unloaded');
});

test('a dead worker: the next request loads the model again, and a pinned one comes back by itself', async () => {
  const { model, deaths, events, budget } = setup();
  await model.get();
  deaths[0]?.(new Error('killed'));
  await until(() => model.state === 'failed');
  assert.deepEqual([events, budget.used], [['failure'], 0]);
  await answer(model);
  const pinned = setup({ serving: { pinned: true } });
  await pinned.model.get();
  pinned.deaths[0]?.(new Error('killed'));
  await until(() => pinned.model.state === 'ready' && pinned.engines.length === 2);
});

test('closing ends whatever it is doing, and nothing is loaded afterwards', async () => {
  const loading = gate();
  const a = setup({ before: () => loading.passed });
  const waiting = a.model.get();
  await until(() => a.attempts() === 1);
  const closed = a.model.close();
  await assert.rejects(waiting, code('model_unavailable'));
  loading.open();
  await closed;
  assert.equal(a.engines[0]?.closed, true);
  const b = setup();
  await b.model.get();
  await b.model.close();
  assert.equal(b.engines[0]?.closed, true);
  await assert.rejects(b.model.get(), code('model_unavailable'));
  // One that waits for room.
  const budget = budgetOf(150);
  const first = setup({ id: 'first' }, budget);
  const release = await (await first.model.get()).hold?.();
  const second = setup({ id: 'second' }, budget);
  const queued = second.model.get();
  await until(() => second.model.state === 'loading');
  const end = second.model.close();
  await assert.rejects(queued, code('model_unavailable'));
  await end;
  release?.();
});
