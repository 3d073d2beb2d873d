/** A model in memory, from its load to the end of its worker. */

import type { LoadedModel } from '../model.js';
import type { RunningModel } from './load.js';

export type UnloadReason = 'memory' | 'idle' | 'request' | 'failure' | 'closing';

export interface Residence {
  readonly running: RunningModel;
  /** As its users hold it. */
  readonly model: LoadedModel;
  uses: number;
  /** Until when somebody who was given the model may still be about to use it. */
  awaitedUntil: number;
  /** Why it is to leave; null while it may stay. */
  leaving: UnloadReason | null;
  timer: NodeJS.Timeout | undefined;
  /** Settled, by `left`, when it is gone. */
  readonly gone: Promise<void>;
  readonly left: () => void;
}

export function newResidence(running: RunningModel, model: LoadedModel): Residence {
  let left = () => {};
  const gone = new Promise<void>((resolve) => {
    left = resolve;
  });
  return {
    running,
    model,
    uses: 0,
    awaitedUntil: 0,
    leaving: null,
    timer: undefined,
    gone,
    left: () => left(),
  };
}
