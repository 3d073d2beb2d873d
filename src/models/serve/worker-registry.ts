/** The real registry: each model's engine in a worker of its own, loaded within one budget of memory. */
import { machineMemory } from '../../common/machine-memory.js';
import { type Footprint, readFootprint } from '../../engine/load/footprint.js';
import { errors } from '../../errors.js';
import { Catalog, type CatalogEntry } from '../disk/catalog.js';
import { modelNames } from '../disk/model-folders.js';
import { folderOfModel, modelPlaces } from '../disk/model-places.js';
import type { LoadedModel } from '../model.js';
import type { ModelRegistry, ModelStatus } from '../registry.js';
import { type ModelSettings, readServingSettings, type ServingSettings } from '../serving-settings.js';
import { loadModel } from './load.js';
import { ManagedModel, type UnloadReason } from './managed-model.js';
import { MemoryBudget } from './memory-budget.js';

interface RegistryOptions extends ModelSettings {
  /** Directories of models, as the setting has them. */
  readonly modelsDirectory: string;
  /** Name of the default model's folder under one of them. */
  readonly model: string;
  /** MiB that the models may take; 0 for a share of the machine's, which is not insisted on. */
  readonly memory?: number;
  /** How long a request waits for its model; 60 when left out. */
  readonly loadSeconds?: number;
  /** Unused for that long, a model is unloaded; 0 for never. */
  readonly idleSeconds?: number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** Hears of each model folder before it can be asked for. */
  readonly onFound?: (directory: string) => Promise<void>;
  readonly onLoaded?: (id: string, seconds: number) => void;
  readonly onUnloaded?: (id: string, reason: UnloadReason) => void;
}

const usualLoadSeconds = 60;
/** Of the machine's memory, when no budget is given. */
const usualShare = 0.8;
const patienceMilliseconds = 5_000;

export class WorkerModelRegistry implements ModelRegistry {
  readonly #models = new Map<string, ManagedModel>();
  readonly #catalog: Catalog;
  readonly #budget: MemoryBudget;
  readonly #footprints = new Map<string, { readonly key: string; readonly footprint: Promise<Footprint> }>();
  #closing = false;
  /** Resolves after the default model's first load; rejects with the reason when it failed. */
  readonly firstLoad: Promise<LoadedModel>;

  private constructor(readonly options: RegistryOptions) {
    const { modelsDirectory, memory = 0, onFound } = options;
    this.#catalog = new Catalog(modelPlaces(modelsDirectory), async ({ directory }) => onFound?.(directory));
    this.#budget = new MemoryBudget({
      limit: memory > 0 ? memory * 1024 ** 2 : machineMemory() * usualShare,
      hard: memory > 0,
      patienceMilliseconds,
    });
    this.firstLoad = this.#begin();
  }

  /** Starts loading the default model and returns at once. */
  static start(options: RegistryOptions): WorkerModelRegistry {
    return new WorkerModelRegistry(options);
  }

  async #begin(): Promise<LoadedModel> {
    await this.refresh();
    // Whatever it takes: those who wait for it are requests, which come later.
    return (await this.#model(this.defaultId)).get(undefined, Number.POSITIVE_INFINITY);
  }

  get defaultId(): string {
    return this.options.model;
  }

  ids(): readonly string[] {
    const found = this.#catalog.entries.map(({ id }) => id).filter((id) => id !== this.defaultId);
    return [this.defaultId, ...found];
  }

  refresh(): Promise<void> {
    return this.#catalog.refresh();
  }

  async get(id = this.defaultId, signal?: AbortSignal): Promise<LoadedModel> {
    return (await this.#model(id)).get(signal);
  }

  loaded(): readonly { readonly model: LoadedModel; readonly bytes: number }[] {
    return [...this.#models.values()].flatMap(({ running, bytes }) =>
      running === null ? [] : [{ model: running, bytes }],
    );
  }

  obstacle(): Error | null {
    const model = this.#models.get(this.defaultId);
    if (model === undefined || model.state === 'loading')
      return errors.modelUnavailable(this.defaultId, 'it is loading');
    return model.failure;
  }

  async list(): Promise<readonly ModelStatus[]> {
    await this.refresh();
    const all: ModelStatus[] = [];
    for (const id of this.ids()) {
      // The default one need not have a folder that is whole.
      const model = await this.#model(id).catch(() => null);
      if (model !== null) all.push(await this.#statusOf(model));
    }
    return all;
  }

  async status(id: string): Promise<ModelStatus> {
    return this.#statusOf(await this.#model(id));
  }

  async unload(id: string, force: boolean): Promise<void> {
    return (await this.#model(id)).unload(force);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#models.values()].map((model) => model.close()));
    await this.firstLoad.catch(() => {});
  }

  async #statusOf(model: ManagedModel): Promise<ModelStatus> {
    const { id, state, uses, running, failure } = model;
    const described = await model.describe().catch((error: Error) => error);
    const known = described instanceof Error ? null : described;
    return {
      id,
      created: this.#catalog.get(id)?.created ?? running?.created ?? 0,
      state,
      uses,
      device: running?.device ?? null,
      fingerprint: running?.engine.shape.fingerprint ?? null,
      settings: known?.settings ?? null,
      footprint: known && { ...known.footprint, ...(running && { capacity: running.engine.shape.capacity }) },
      problem: failure?.message ?? (described instanceof Error ? described.message : null),
    };
  }

  async #model(id: string): Promise<ManagedModel> {
    if (!this.#catalog.get(id)) await this.refresh();
    const entry = this.#catalog.get(id) ?? (await this.#incomplete(id));
    const known = this.#models.get(id);
    // A model whose folder was removed answers as long as it is loaded.
    if (entry === undefined && known?.running) return known;
    if (entry === undefined) throw errors.modelNotFound(id, await this.#folders());
    if (this.#closing) throw errors.modelUnavailable(id, 'the server is closing');
    const model = known ?? this.#newModel(entry);
    this.#models.set(id, model);
    return model;
  }

  /** A folder that lacks its graph is no model, but what the default one lacks must be said. */
  async #incomplete(id: string): Promise<CatalogEntry | undefined> {
    if (id !== this.defaultId || !(await this.#folders()).includes(id)) return undefined;
    return { id, directory: await folderOfModel(this.options.modelsDirectory, id), created: 0 };
  }

  async #folders(): Promise<string[]> {
    const places = modelPlaces(this.options.modelsDirectory);
    const found = await Promise.all(places.map((place) => modelNames(place).catch((): string[] => [])));
    return [...new Set(found.flat())].sort();
  }

  #newModel({ id, directory }: CatalogEntry): ManagedModel {
    const { options } = this;
    const { log } = options;
    const usual: ServingSettings = {
      ...options,
      idleSeconds: options.idleSeconds ?? 0,
      pinned: id === options.model,
    };
    return new ManagedModel({
      id,
      budget: this.#budget,
      waitMilliseconds: (options.loadSeconds ?? usualLoadSeconds) * 1000,
      settings: () => readServingSettings(id, directory, usual),
      measure: (settings) => this.#measure(id, directory, settings),
      // What it may keep of prompts, the budget says later.
      load: (settings) => loadModel(id, directory, { ...settings, prefixMemory: 0 }),
      onLoaded: (model, seconds, why) => {
        const { device, warnings, engine } = model;
        const ms = Math.round(seconds * 1000);
        log.info({ model: id, ms, device, ...engine.shape, context: why }, 'model loaded');
        for (const warning of warnings) log.warn({ model: id }, warning);
        for (const note of model.notes ?? []) log.info({ model: id }, note);
        options.onLoaded?.(id, seconds);
      },
      onRefused: ({ message: reason }) => log.error({ model: id, reason }, 'model not loaded'),
      onUnloaded: (reason, error) => {
        if (reason === 'failure') log.error({ model: id, reason: error?.message }, 'model lost');
        else log.info({ model: id, reason }, 'model unloaded');
        options.onUnloaded?.(id, reason);
      },
    });
  }

  /** Read once for each state of the folder. */
  async #measure(id: string, directory: string, settings: ServingSettings): Promise<Footprint> {
    const created = this.#catalog.get(id)?.created ?? 0;
    const key = `${created} ${settings.slots} ${settings.context} ${settings.device} ${settings.kvCache}`;
    const known = this.#footprints.get(id);
    if (known?.key === key) return known.footprint;
    const wholeCache = settings.device === 'cuda' || settings.device === 'webgpu';
    const memory = wholeCache ? null : this.#budget.options.limit;
    const footprint = readFootprint(directory, { ...settings, memory });
    this.#footprints.set(id, { key, footprint });
    footprint.catch(() => this.#footprints.delete(id));
    return footprint;
  }
}
