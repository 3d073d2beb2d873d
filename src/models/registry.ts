/** The models this server answers with. */
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
