/** Wraps an engine, naming only the members that differ. */
import type { Engine } from './engine.js';

/** `engine` with `overrides` in place of its own members; all other calls go to `engine`. */
export function withEngine(engine: Engine, overrides: Partial<Engine>): Engine {
  return {
    shape: engine.shape,
    generate: (request, signal) => engine.generate(request, signal),
    capture: (request, signal) => engine.capture(request, signal),
    score: (request, signal) => engine.score(request, signal),
    project: (request, signal) => engine.project(request, signal),
    load: () => engine.load(),
    close: () => engine.close(),
    ...overrides,
  };
}
