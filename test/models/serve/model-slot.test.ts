/** How a model comes and goes: loads and engines here are fakes that a test holds up or breaks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Footprint } from '../../../src/engine/load/footprint.js';
import { SteerdError } from '../../../src/errors.js';
import { keepLoaded } from '../../../src/models/model.js';
import type { RunningModel } from '../../../src/models/serve/load.js';
import { MemoryBudget } from '../../../src/models/serve/memory-budget.js';
import { ModelSlot, type SlotOptions } from '../../../src/models/serve/model-slot.js';
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
  kv: 0,
  capacity: 512,
  layers: 3,
  hiddenSize: 4,
});

interface Options extends FakeEngineOptions, Partial<Omit<SlotOptions, 'budget'>> {
  readonly bytes?: number;
  readonly serving?: Partial<ServingSettings>;
  /** Awaited before a load is done. */
  readonly before?: (attempt: number) => Promise<unknown>;
}

const budgetOf = (limit: number) => new MemoryBudget({ limit, hard: true, patienceMilliseconds: 60_000 });

/** A slot over fake engines, with what happened to it. */
function setup(options: Options = {}, budget = budgetOf(1000)) {
  const { bytes = 100, serving = {}, before = async () => {} } = options;
  const engines: FakeEngine[] = [];
  const events: string[] = [];
  const deaths: ((reason: Error) => void)[] = [];
  let attempts = 0;
  const slot: ModelSlot = new ModelSlot({
    id: options.id ?? 'one',
    directory: '/nowhere',
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
      return { ...fakeModel(engine, slot.id), died, device: 'cpu', warnings: [] } satisfies RunningModel;
    },
    onUnloaded: (reason) => events.push(reason),
    ...options,
  });
  return { slot, budget, engines, events, deaths, attempts: () => attempts };
}

const ask = request([65], { maxTokens: 20 });

async function answer(slot: ModelSlot, signal?: AbortSignal): Promise<string> {
  const { engine } = await slot.get(signal);
  let text = '';
  for await (const { token } of engine.generate(ask, signal)) text += String.fromCodePoint(token ?? 46);
  return text;
}

const code = (wanted: string) => (error: unknown) => error instanceof SteerdError && error.code === wanted;

test('however many ask at once, it is loaded once, and all get it', async () => {
  const loading = gate();
  const { slot, attempts } = setup({ before: () => loading.passed });
  const answers = Array.from({ length: 10 }, () => answer(slot));
  await until(() => slot.state === 'loading');
  loading.open();
  assert.equal(new Set(await Promise.all(answers)).size, 1);
  assert.deepEqual([attempts(), slot.state, slot.uses], [1, 'ready', 0]);
});

test('a failed load answers everybody who waited, and is tried again after a pause, not before', async () => {
  const { slot, attempts } = setup({
    retryPauses: [200],
    before: async (attempt) => {
      if (attempt === 1) throw new Error('the weights are rotten');
    },
  });
  const waiting = Array.from({ length: 5 }, () => answer(slot));
  for (const one of waiting) await assert.rejects(one, /rotten/);
  await assert.rejects(answer(slot), /rotten/);
  assert.deepEqual([attempts(), slot.state], [1, 'failed']);
  await pause(250);
  await answer(slot);
  assert.deepEqual([attempts(), slot.state, slot.failure], [2, 'ready', null]);
});

test('pauses grow with each load tried in vain, not with those that were not begun', async () => {
  const wrong = { slots: true };
  const { slot, attempts } = setup({
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
    await assert.rejects(slot.get(), /slots/);
    await pause(20);
  }
  wrong.slots = false;
  await assert.rejects(slot.get(), /rotten/);
  await pause(20);
  await assert.rejects(slot.get(), /rotten/);
  await pause(20);
  await assert.rejects(slot.get(), /rotten/);
  assert.equal(attempts(), 2);
});

test('a load that fails gives its room back', async () => {
  const { slot, budget } = setup({
    before: async () => {
      throw new Error('no');
    },
  });
  await assert.rejects(slot.get());
  assert.equal(budget.used, 0);
});

test('who waits too long is told to come back, and the load goes on; who leaves waits no more', async () => {
  const loading = gate();
  const { slot } = setup({ waitMilliseconds: 30, before: () => loading.passed });
  await assert.rejects(slot.get(), (error) => {
    assert.ok(error instanceof SteerdError);
    return error.status === 503 && (error.retryAfterSeconds ?? 0) > 0 && /loading/.test(error.message);
  });
  const gone = new AbortController();
  const left = slot.get(gone.signal);
  gone.abort(new Error('gone'));
  await assert.rejects(left, /gone/);
  loading.open();
  await until(() => slot.state === 'ready');
});

test('a use that begins after an unload loads the model again', async () => {
  const { slot, engines, events } = setup();
  const { engine } = await slot.get();
  await slot.unload(false);
  assert.deepEqual([slot.state, engines[0]?.closed, events], ['unloaded', true, ['request']]);
  const steps = [];
  for await (const step of engine.generate(ask)) steps.push(step);
  assert.ok(steps.length > 3);
  assert.deepEqual([engines.length, slot.state, slot.uses], [2, 'ready', 0]);
});

test('a use of files that were replaced meanwhile is refused, for its edit was made for others', async () => {
  const { slot } = setup();
  await slot.get();
  await assert.rejects(slot.lease('another fingerprint'), code('model_unavailable'));
  assert.equal(slot.uses, 0);
});

test('a model in use is not unloaded, unless by force, and then what runs on it fails', async () => {
  const half = gate();
  const { slot, engines } = setup({ pace: async (step) => step === 2 && half.passed });
  const running = answer(slot);
  await until(() => slot.uses === 1);
  await assert.rejects(slot.unload(false), code('model_in_use'));
  assert.equal(engines[0]?.closed, false);
  await slot.unload(true);
  assert.deepEqual([engines[0]?.closed, slot.state], [true, 'unloaded']);
  half.open();
  await running;
  // The use that ended belonged to a model that is gone: it must not count against the next one.
  await slot.get();
  assert.equal(slot.uses, 0);
});

test('one model makes room for the other: both answer, in turns, as often as they are asked', async () => {
  const budget = budgetOf(150);
  const a = setup({ id: 'a' }, budget);
  const b = setup({ id: 'b' }, budget);
  const expected = await answer(a.slot);
  for (const { slot } of [b, a, b, a]) {
    assert.equal(await answer(slot), expected);
    assert.ok(budget.used <= 150);
  }
  const all = await Promise.all(Array.from({ length: 40 }, (_, i) => answer(i % 2 === 0 ? a.slot : b.slot)));
  assert.deepEqual(new Set(all), new Set([expected]));
  assert.ok(a.events.includes('memory') && b.events.includes('memory'));
});

test('a model is not unloaded under a stream or under a job that keeps it', async () => {
  const budget = budgetOf(150);
  const half = gate();
  const job = gate();
  const a = setup({ id: 'a', pace: async (step) => step === 2 && half.passed }, budget);
  const b = setup({ id: 'b', waitMilliseconds: 60 }, budget);
  const stream = answer(a.slot);
  await until(() => a.slot.uses === 1);
  await assert.rejects(b.slot.get(), code('model_unavailable'));
  half.open();
  await stream;
  const model = await a.slot.get();
  const kept = keepLoaded(model, () => job.passed);
  await until(() => a.slot.uses === 1);
  await assert.rejects(b.slot.get(), /in use/);
  assert.equal(a.engines.length, 1);
  job.open();
  await kept;
  await b.slot.get();
  assert.deepEqual([a.slot.state, a.events], ['unloaded', ['memory']]);
});

test('who was given a model is given time to use it', async () => {
  const budget = budgetOf(150);
  const a = setup({ id: 'a', graceMilliseconds: 200 }, budget);
  const b = setup({ id: 'b' }, budget);
  const { engine } = await a.slot.get();
  const other = b.slot.get();
  await pause(30);
  for await (const _ of engine.generate(ask));
  await other;
  assert.equal(a.engines.length, 1);
});

test('what can never fit is refused with what it needs and what there is', async () => {
  const { slot } = setup({ bytes: 2000 * 1024 ** 2 }, budgetOf(1024 ** 3));
  await assert.rejects(slot.get(), (error) => {
    assert.ok(error instanceof SteerdError);
    assert.deepEqual([error.code, error.retryAfterSeconds], ['model_too_large', null]);
    return /2000 MiB/.test(error.message) && /1024 MiB/.test(error.message) && /slots/.test(error.message);
  });
});

test('an idle model is unloaded after its time, one in use or pinned is not', async () => {
  const idle = setup({ serving: { idleSeconds: 0.1 } });
  const pinned = setup({ serving: { idleSeconds: 0.1, pinned: true } });
  const used = setup({ serving: { idleSeconds: 0.1 } });
  await Promise.all([idle.slot.get(), pinned.slot.get()]);
  const release = await (await used.slot.get()).hold?.();
  await until(() => idle.slot.state === 'unloaded');
  await pause(150);
  assert.deepEqual([pinned.slot.state, used.slot.state, idle.events], ['ready', 'ready', ['idle']]);
  release?.();
  await until(() => used.slot.state === 'unloaded');
});

test('a dead worker: the next request loads the model again, and a pinned one comes back by itself', async () => {
  const { slot, deaths, events, budget } = setup();
  await slot.get();
  deaths[0]?.(new Error('killed'));
  await until(() => slot.state === 'failed');
  assert.deepEqual([events, budget.used], [['failure'], 0]);
  await answer(slot);
  const pinned = setup({ serving: { pinned: true } });
  await pinned.slot.get();
  pinned.deaths[0]?.(new Error('killed'));
  await until(() => pinned.slot.state === 'ready' && pinned.engines.length === 2);
});

test('closing ends whatever it is doing, and nothing is loaded afterwards', async () => {
  const loading = gate();
  const a = setup({ before: () => loading.passed });
  const waiting = a.slot.get();
  await until(() => a.attempts() === 1);
  const closed = a.slot.close();
  await assert.rejects(waiting, code('model_unavailable'));
  loading.open();
  await closed;
  assert.equal(a.engines[0]?.closed, true);
  const b = setup();
  await b.slot.get();
  await b.slot.close();
  assert.equal(b.engines[0]?.closed, true);
  await assert.rejects(b.slot.get(), code('model_unavailable'));
  // One that waits for room.
  const budget = budgetOf(150);
  const first = setup({ id: 'first' }, budget);
  const release = await (await first.slot.get()).hold?.();
  const second = setup({ id: 'second' }, budget);
  const queued = second.slot.get();
  await until(() => second.slot.state === 'loading');
  const end = second.slot.close();
  await assert.rejects(queued, code('model_unavailable'));
  await end;
  release?.();
});
