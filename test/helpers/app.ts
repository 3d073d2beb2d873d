/** The application over fakes, ready to be injected into or listened to; it closes with the test. */
import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import type { z } from 'zod';
import type { AccessControl } from '../../src/access/access-control.js';
import { createLog } from '../../src/common/log.js';
import type { Concept } from '../../src/concepts/concept.js';
import { readPin } from '../../src/concepts/pinned-name.js';
import { entryOf, type StoredConcept } from '../../src/concepts/stored-concept.js';
import { errors } from '../../src/errors.js';
import { Hub } from '../../src/hub/hub.js';
import { ImportJobs } from '../../src/models/import/import-jobs.js';
import { PullJobs } from '../../src/models/pull/pull-jobs.js';
import type { ModelRegistry, ModelStatus } from '../../src/models/registry.js';
import { ErrorBody } from '../../src/schemas/errors.js';
import type { FitJob } from '../../src/schemas/fit-jobs.js';
import { type App, type AppOptions, buildApp, type HttpSettings } from '../../src/server/app.js';
import type { OpenedServices } from '../../src/server/server.js';
import type { ChatTemplate } from '../../src/text/chat-template.js';
import { closeInTurn } from './closing.js';
import { FakeEngine, type FakeEngineOptions, fakeModel } from './fake-engine.js';

export interface BuildOptions extends FakeEngineOptions {
  readonly bodyLimit?: number;
  /** Of the fake's chat template, beside how it writes messages. */
  readonly template?: Omit<ChatTemplate, 'render'> & { readonly generationPrompt?: string };
  /** False while the model loads. */
  readonly loaded?: () => boolean;
  /** Instead of two concepts that are not checked. */
  readonly concepts?: OpenedServices['concepts'];
  /** Instead of jobs that only wait. */
  readonly fits?: OpenedServices['fits'];
  /** Instead of jobs that find no hub. */
  readonly pulls?: OpenedServices['pulls'];
  /** Instead of jobs that build nothing. */
  readonly imports?: OpenedServices['imports'];
  /** Instead of those of the application, in memory. */
  readonly responses?: OpenedServices['responses'];
  /** Gets each log line. */
  readonly onLog?: (line: string) => void;
  readonly access?: AccessControl;
  readonly settings?: Partial<HttpSettings>;
  readonly extend?: AppOptions['extend'];
}

export interface Built {
  readonly app: App;
  readonly engine: FakeEngine;
  readonly services: OpenedServices;
  /** Sends a JSON body (a string as it is) and reads the reply by `schema`. */
  post<Schema extends z.ZodType>(
    url: string,
    body: object | string,
    schema: Schema,
  ): Promise<z.output<Schema>>;
  /** The same for a request that must fail: its status and what the error says. */
  refused(url: string, body: object | string): Promise<Refusal>;
}

export type Refusal = ErrorBody['error'] & { readonly status: number; readonly headers: object };

export async function build(t: TestContext, options: BuildOptions = {}): Promise<Built> {
  const engine = new FakeEngine(options);
  const { access, extend } = options;
  const fake = fakeServices(engine, options.loaded, options.template);
  const services = {
    ...fake,
    concepts: options.concepts ?? fake.concepts,
    fits: options.fits ?? fake.fits,
    pulls: options.pulls ?? fake.pulls,
    imports: options.imports ?? fake.imports,
    ...(access === undefined ? {} : { access }),
    ...(options.responses && { responses: options.responses }),
  };
  const log =
    options.onLog === undefined ? pino({ level: 'silent' }) : createLog('info', { write: options.onLog });
  const settings = { bodyLimit: options.bodyLimit ?? 100_000, ...options.settings };
  const app = await buildApp(services, { settings, log, ...(extend && { extend }) });
  closeInTurn(t, () => app.close());
  const send = (url: string, payload: object | string) =>
    app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } });
  return {
    app,
    engine,
    services,
    async post(url, body, schema) {
      const reply = await send(url, body);
      assert.ok(reply.statusCode < 300, `${reply.statusCode} ${reply.body}`);
      return schema.parse(reply.json());
    },
    async refused(url, body) {
      const { statusCode: status, headers, body: text } = await send(url, body);
      assert.ok(status >= 400, `${status} ${text}`);
      return { status, headers, ...ErrorBody.parse(JSON.parse(text)).error };
    },
  };
}

export function fakeConcept(engine: FakeEngine, name: string): Concept {
  const { layers, hiddenSize, fingerprint } = engine.shape;
  const vectors = new Float32Array(new SharedArrayBuffer(4 * layers * hiddenSize));
  for (let layer = 1; layer < layers; layer++) vectors[layer * hiddenSize] = 1;
  return {
    name,
    model: 'tiny',
    modelFingerprint: fingerprint,
    version: 'c'.repeat(64),
    layers,
    hiddenSize,
    vectors,
    residualNorms: new Float32Array(layers).fill(10),
    calibration: { method: 'rule', coefficients: Float32Array.of(0, 2, 3), negativeRatio: 1, details: {} },
    record: {
      recipe: 'responses',
      method: 'mean_difference',
      prefix: 'You are a pirate.',
      seed: 0,
      details: {},
    },
    readings: null,
  };
}

const fakeFit = (id: string, name: string): FitJob => ({
  id,
  object: 'fit',
  status: 'queued',
  name,
  model: 'tiny',
  prefix: 'You are a pirate.',
  recipe: 'responses',
  method: 'mean_difference',
  created_at: 1,
  started_at: null,
  finished_at: null,
  progress: null,
  error: null,
  concept: null,
  warnings: [],
  layers: [],
});

export function fakeServices(
  engine: FakeEngine,
  loaded = () => true,
  template: BuildOptions['template'] = {},
): OpenedServices {
  const model = fakeModel(engine, 'tiny', template);
  const known = (id: string) => {
    if (id !== model.id) throw errors.modelNotFound(id, [model.id]);
  };
  const loading = () => (loaded() ? null : errors.modelUnavailable(model.id, 'it is loading'));
  const status = (): ModelStatus => ({
    id: model.id,
    created: model.created,
    state: loaded() ? 'ready' : 'loading',
    uses: engine.running,
    device: 'cpu',
    fingerprint: engine.shape.fingerprint,
    settings: { threads: 1, slots: 4, context: 0, prefillChunk: 64, queue: 8, idleSeconds: 0, pinned: true },
    footprint: {
      weights: 1000,
      kv: 100,
      leastKv: 40,
      capacityWhy: "the model's own",
      capacity: engine.shape.capacity,
      layers: 3,
      hiddenSize: 4,
    },
    problem: null,
  });
  const models: ModelRegistry = {
    defaultId: model.id,
    ids: () => [model.id],
    async refresh() {},
    async get(id = model.id) {
      known(id);
      const obstacle = loading();
      if (obstacle !== null) throw obstacle;
      return model;
    },
    loaded: () => (loaded() ? [{ model, bytes: 1100 }] : []),
    obstacle: loading,
    list: async () => [status()],
    async status(id) {
      known(id);
      return status();
    },
    unload: async (id) => known(id),
    close: () => engine.close(),
  };
  const stored = new Map<string, StoredConcept>(
    ['ocean', 'pirate'].map((name) => [
      name,
      { concept: fakeConcept(engine, name), source: name === 'ocean' ? 'shipped' : 'data', createdAt: 5 },
    ]),
  );
  const deleted = new Map<string, StoredConcept>();
  const jobs = new Map<string, FitJob>();
  return {
    models,
    loaded: Promise.resolve(),
    concepts: {
      find(id, name) {
        const found = id === model.id ? stored.get(name) : undefined;
        return found && entryOf(found);
      },
      async load(id, asked) {
        const { name, version } = readPin(asked);
        const found = id === model.id ? stored.get(name) : undefined;
        return version === null || found?.concept.version.startsWith(version) ? found : undefined;
      },
      list: (id) => (id === undefined || id === model.id ? [...stored.values()].map(entryOf) : []),
      async versions(id, name) {
        const found = id === model.id ? stored.get(name) : undefined;
        return found === undefined ? [] : [{ ...entryOf(found), number: 1 }];
      },
      names: () => [...stored.keys()],
      modelsWith: (name) => (stored.has(name) ? [model.id] : []),
      async put(concept) {
        const added: StoredConcept = { concept, source: 'data', createdAt: 6 };
        stored.set(concept.name, added);
        return added;
      },
      async delete(id, name) {
        const found = stored.get(name);
        if (found === undefined) throw errors.conceptNotFound(name, id, [...stored.keys()], 'name');
        if (found.source === 'shipped') throw errors.conceptReadOnly(name);
        stored.delete(name);
        deleted.set(name, found);
        return entryOf(found);
      },
      async rename(id, name, to) {
        const found = stored.get(name);
        if (found === undefined) throw errors.conceptNotFound(name, id, [...stored.keys()], 'name');
        if (found.source === 'shipped') throw errors.conceptReadOnly(name);
        if (stored.has(to)) throw errors.conceptExists(to, id);
        const renamed = { ...found, concept: { ...found.concept, name: to } };
        stored.delete(name);
        stored.set(to, renamed);
        return renamed;
      },
      async restore(id, name) {
        if (stored.has(name)) throw errors.conceptExists(name, id);
        const found = deleted.get(name);
        if (found === undefined) throw errors.conceptNotKept(name, id);
        stored.set(name, found);
        return found;
      },
    },
    pulls: new PullJobs({
      hub: new Hub({ endpoint: 'http://127.0.0.1:9', token: '', firstPause: 1 }),
      modelsDirectory: join(tmpdir(), 'steerd-no-models'),
    }),
    imports: new ImportJobs({
      builder: { size: () => 0, build: async () => {} },
      places: [join(tmpdir(), 'steerd-no-models')],
    }),
    fits: {
      async create({ name }) {
        const job = fakeFit(`fit-${jobs.size}`, name);
        jobs.set(job.id, job);
        return job;
      },
      get: (id) => jobs.get(id),
      events: () => undefined,
      list: () => [...jobs.values()],
      unfinished: () => [...jobs.values()].filter(({ finished_at }) => finished_at === null),
      counts: () => ({ own: {}, waiting: 0 }),
      async cancel(id) {
        const job = jobs.get(id);
        if (job === undefined) throw errors.fitNotFound(id);
        const cancelled: FitJob = { ...job, status: 'cancelled', finished_at: 2 };
        jobs.set(id, cancelled);
        return cancelled;
      },
      async close() {},
    },
  };
}

/** A promise and what settles it. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

/** Waits until `condition` holds; the test runner's time limit is the only one. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
