/** How busy the server is, and what it takes of the machine's memory, as `GET /load` shows it. */
import { machineMemory } from '../common/machine-memory.js';
import { loadOf } from '../models/model.js';
import { type ModelRegistry, modelId } from '../models/registry.js';
import type { Load } from '../schemas/operations.js';

/**
 * @param asked name of the one model that is meant; all that are loaded without
 * @param answers being made
 * @throws SteerdError model_not_found; without `asked` what keeps the default model from answering
 */
export async function describeLoad(
  models: ModelRegistry,
  asked: string | undefined,
  answers: number,
): Promise<Load> {
  const id = asked === undefined ? undefined : await modelId(models, asked);
  const obstacle = id === undefined ? models.obstacle() : null;
  if (obstacle !== null) throw obstacle;
  const loaded = models.loaded().filter(({ model }) => id === undefined || model.id === id);
  return {
    server_load: answers,
    ...loadOf(loaded.map(({ model }) => model)),
    memory: {
      resident: process.memoryUsage.rss(),
      models: Math.round(loaded.reduce((sum, { bytes }) => sum + bytes, 0)),
      machine: machineMemory(),
    },
  };
}
