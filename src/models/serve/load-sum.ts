/** How busy several models are together. */
import type { EngineLoad } from '../../engine/engine.js';
import type { LoadedModel } from '../model.js';

export function loadOf(models: readonly Pick<LoadedModel, 'engine'>[]): EngineLoad & { slots: number } {
  const sum = { running: 0, waiting: 0, slots: 0 };
  for (const { engine } of models) {
    const { running, waiting } = engine.load();
    sum.running += running;
    sum.waiting += waiting;
    sum.slots += engine.shape.slots;
  }
  return sum;
}
