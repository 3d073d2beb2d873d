/** The models this server answers with: loaded in the background, and loaded again when a worker dies. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { errors } from '../errors.js';
import { loadModel, type ModelSettings, type RunningModel } from './load.js';
import type { LoadedModel } from './model.js';

export interface ModelRegistry {
  /** The model a request without `model` means. */
  readonly defaultId: string;
  ids(): string[];
  /** @throws SteerdError model_not_found; model_unavailable while it is still loading */
  get(id?: string): LoadedModel;
  /** True once every model can answer. */
  ready(): boolean;
  close(): Promise<void>;
}

export interface RegistryOptions extends ModelSettings {
  readonly modelsDirectory: string;
  /** Name of the folder under `modelsDirectory`. */
  readonly model: string;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
}

/** Waits between attempts to load a model again, in milliseconds; the last one repeats. */
const retryPauses = [0, 1_000, 5_000, 30_000] as const;

export class WorkerModelRegistry implements ModelRegistry {
  #model: RunningModel | null = null;
  #reason = 'it is loading';
  readonly #closing = new AbortController();
  readonly #loop: Promise<void>;
  /** Resolves after the first load; rejects with the reason when it failed. */
  readonly firstLoad: Promise<LoadedModel>;

  private constructor(readonly options: RegistryOptions) {
    this.firstLoad = this.#load();
    this.#loop = this.firstLoad.then(
      () => this.#keepLoaded(),
      () => {},
    );
  }

  /** Starts loading and returns at once. */
  static start(options: RegistryOptions): WorkerModelRegistry {
    return new WorkerModelRegistry(options);
  }

  get defaultId(): string {
    return this.options.model;
  }

  ids(): string[] {
    return [this.options.model];
  }

  get(id = this.options.model): LoadedModel {
    if (id !== this.options.model) throw errors.modelNotFound(id, this.ids());
    if (!this.#model) throw errors.modelUnavailable(id, this.#reason);
    return this.#model;
  }

  ready(): boolean {
    return this.#model !== null;
  }

  async #load(): Promise<RunningModel> {
    const { model: id, modelsDirectory, log } = this.options;
    const started = performance.now();
    const directory = join(modelsDirectory, id);
    const entries = await readdir(modelsDirectory).catch((): string[] => []);
    // Hidden folders are pulls under way (model-folders.ts).
    const known = entries.filter((name) => !name.startsWith('.'));
    if (!known.includes(id)) throw errors.modelNotFound(id, known);
    const model = await loadModel(id, directory, this.options);
    if (this.#closing.signal.aborted) {
      await model.engine.close();
      throw errors.modelUnavailable(id, 'the server is closing');
    }
    this.#model = model;
    const ms = Math.round(performance.now() - started);
    log.info({ model: id, ms, device: model.device, ...model.engine.shape }, 'model loaded');
    for (const warning of model.warnings) log.warn({ model: id }, warning);
    return model;
  }

  /** Loads the model again each time its worker dies. */
  async #keepLoaded(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted && this.#model) {
      const reason = await this.#model.died;
      this.#model = null;
      this.#reason = `it is loading again after a failure (${reason.message})`;
      for (let attempt = 0; !signal.aborted && !this.#model; attempt++) {
        this.options.log.error({ model: this.options.model, reason: reason.message }, 'model lost');
        await pause(retryPauses[Math.min(attempt, retryPauses.length - 1)], null, { signal }).catch(() => {});
        await this.#load().catch((error: Error) => {
          this.#reason = error.message;
        });
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.firstLoad.catch(() => {});
    await this.#model?.engine.close();
    await this.#loop;
  }
}
