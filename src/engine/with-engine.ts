/** An engine that differs from another in a few members: whoever wraps one names only what it changes. */
import type { Engine } from './engine.js';

/** `engine` with `overrides` in place of its own members; all others go on to it. */
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
