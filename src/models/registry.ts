/** The models this server answers with: the default one from the start, others when they are first asked for. */
import type { Footprint } from '../engine/load/footprint.js';
import { errors } from '../errors.js';
import type { LoadedModel } from './model.js';
import type { ServingSettings } from './serving-settings.js';

/** `unloading` also: it finishes what runs, and leaves then. */
export type ModelState = 'unloaded' | 'loading' | 'ready' | 'unloading' | 'failed';

/** What is known of a model, loaded or not. */
export interface ModelStatus {
  readonly id: string;
  /** Unix seconds: when its graph was written. */
  readonly created: number;
  readonly state: ModelState;
  /** Calls of its engine under way, and jobs that keep it. */
  readonly uses: number;
  /** Where it runs; null while it does not. */
  readonly device: string | null;
  /** Which export it is; null until it is loaded. */
  readonly fingerprint: string | null;
  /** Null when they cannot be read: `problem` says why. */
  readonly settings: ServingSettings | null;
  readonly footprint: Footprint | null;
  /** Why it cannot be loaded, as far as that is known. */
  readonly problem: string | null;
}

export interface ModelRegistry {
  /** The model a request without `model` means. */
  readonly defaultId: string;
  /** The default one first, then the others that were found when `refresh` looked last. */
  ids(): readonly string[];
  /** Whether another server of the fleet has what this name means (`model` or `model@...`), and this one has not. */
  elsewhere?(name: string): boolean;
  /** Looks at the models directory again. */
  refresh(): Promise<void>;
  /**
   * The model, loaded first if need be.
   * @param signal ends the waiting, not the load
   * @throws SteerdError model_not_found; model_unavailable when it cannot be loaded, or not in time; model_too_large
   */
  get(id?: string, signal?: AbortSignal): Promise<LoadedModel>;
  /** The models in memory, and the bytes that each may take. */
  loaded(): readonly { readonly model: LoadedModel; readonly bytes: number }[];
  /** Why the default model cannot answer; null when it can. */
  obstacle(): Error | null;
  list(): Promise<readonly ModelStatus[]>;
  /** @throws SteerdError model_not_found */
  status(id: string): Promise<ModelStatus>;
  /**
   * Unloads a model; one that is not loaded stays so.
   * @param force also when it is in use: what runs fails
   * @throws SteerdError model_not_found, model_in_use
   */
  unload(id: string, force: boolean): Promise<void>;
  close(): Promise<void>;
}

/** What there is to say of a model that is not here. */
export const missingModel = (models: Pick<ModelRegistry, 'ids' | 'elsewhere'>, name: string) =>
  models.elsewhere?.(name) ? errors.modelElsewhere(name) : errors.modelNotFound(name, models.ids());

/** The id of a model by its name, the default one's if there is none. @throws SteerdError model_not_found, model_elsewhere */
export async function modelId(
  models: Pick<ModelRegistry, 'defaultId' | 'ids' | 'refresh' | 'elsewhere'>,
  asked: string | undefined,
): Promise<string> {
  const id = asked ?? models.defaultId;
  if (!models.ids().includes(id)) await models.refresh();
  if (!models.ids().includes(id)) throw missingModel(models, id);
  return id;
}

/** The registry with each model that it gives out changed: for those who watch or limit what models do. */
export function withModels(
  models: ModelRegistry,
  change: (model: LoadedModel) => LoadedModel,
): ModelRegistry {
  return {
    get defaultId() {
      return models.defaultId;
    },
    ids: () => models.ids(),
    elsewhere: (name) => models.elsewhere?.(name) ?? false,
    refresh: () => models.refresh(),
    get: async (id, signal) => change(await models.get(id, signal)),
    loaded: () => models.loaded(),
    obstacle: () => models.obstacle(),
    list: () => models.list(),
    status: (id) => models.status(id),
    unload: (id, force) => models.unload(id, force),
    close: () => models.close(),
  };
}
