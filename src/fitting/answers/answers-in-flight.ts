/** How many answers of a measurement are written at once. */
import type { Engine } from '../../engine/engine.js';

/** Half the usual slots, the most that background work may take. */
const alone = 8;
const besideStreams = 4;

/** Fewer while the engine is serving others. */
export const answersInFlight = (engine: Pick<Engine, 'load'>): number =>
  engine.load().running > 0 ? besideStreams : alone;
