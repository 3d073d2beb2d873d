/** Real engines for tests: how to start one, and what to ask of it. */

import { type EngineSettings, WorkerEngine } from '../../src/engine/client/worker-engine.js';
import type { Engine } from '../../src/engine/engine.js';
import {
  type ActivationEdit,
  greedy,
  type PairsRequest,
  type SequenceRequest,
  type SequenceStep,
} from '../../src/engine/protocol.js';
import { testCache } from './test-cache.js';

export async function startEngine(
  directory: string,
  settings: Partial<EngineSettings> = {},
): Promise<WorkerEngine> {
  return WorkerEngine.start({
    model: 'test-model',
    directory,
    threads: 1,
    slots: 4,
    capacity: 0,
    prefillChunk: 64,
    queue: 16,
    cacheDirectory: testCache,
    ...settings,
  });
}

export function request(prompt: readonly number[], more: Partial<SequenceRequest> = {}): SequenceRequest {
  return {
    prompt,
    maxTokens: 12,
    stopTokens: [],
    minTokens: 0,
    sampling: greedy,
    edit: [],
    priority: 'interactive',
    ...more,
  };
}

/** Runs a sequence to its end. */
export async function steps(
  engine: Engine,
  asked: SequenceRequest,
  signal?: AbortSignal,
): Promise<SequenceStep[]> {
  const made: SequenceStep[] = [];
  // How long it took is no part of what was made.
  for await (const { timing: _, ...step } of engine.generate(asked, signal)) made.push(step);
  return made;
}

/** The answer's tokens. */
export async function tokens(
  engine: Engine,
  asked: SequenceRequest,
  signal?: AbortSignal,
): Promise<number[]> {
  return (await steps(engine, asked, signal)).flatMap(({ token }) => (token === null ? [] : [token]));
}

export async function score(
  engine: Engine,
  text: readonly number[],
  edit: ActivationEdit = [],
  from = 1,
): Promise<Float32Array> {
  return engine.score({ tokens: text, from, edit, priority: 'interactive' });
}

/** What `scoreMany` gives, by one score for each pair. */
export async function scoreOneByOne(
  engine: Pick<Engine, 'score'>,
  { prompts, answers, pairs, edits, priority }: PairsRequest,
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const scores: Float32Array[] = [];
  for (const [prompt, answer] of pairs) {
    const before = prompts[prompt] ?? [];
    const tokens = [...before, ...(answers[answer] ?? [])];
    const edit = edits?.[prompt] ?? [];
    scores.push(await engine.score({ tokens, from: before.length, edit, priority }, signal));
  }
  return scores;
}
