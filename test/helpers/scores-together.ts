/** Answers scored several at once, and one by one: the same bits. */
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { Random } from '../../src/common/random.js';
import { HostKvCache } from '../../src/engine/kv/host-kv-cache.js';
import { loadGraphs } from '../../src/engine/load/loaded-graphs.js';
import type { PairsRequest } from '../../src/engine/protocol.js';
import { LogitReader } from '../../src/engine/run/logit-reader.js';
import { ServingRunner } from '../../src/engine/run/serving-runner.js';
import { TextRows, textsTogether, togetherLimits } from '../../src/engine/run/text-rows.js';
import { scorePairs } from '../../src/engine/worker/pair-steps.js';
import { RunOptions } from '../../src/ort/binding.js';
import { testCache } from './test-cache.js';

const capacity = 256;
const chunk = 64;
const always = () => true;
const never = () => false;

/** Prompts of several lengths with answers that are as long as each other, or begin alike, or are too short or too long. */
export async function checkScoresTogether(directory: string): Promise<void> {
  const graphs = await loadGraphs(directory, 1, undefined, 'auto', 0, { cache: testCache });
  const { spec, serving: session } = graphs;
  const runOptions = new RunOptions();
  const cache = new HostKvCache(spec, 1, capacity);
  const serving = new ServingRunner(session, cache, runOptions);
  const reader = await LogitReader.open();
  const rows = new TextRows(await graphs.openRows(textsTogether), session, spec, capacity, runOptions);
  const runs = mock.method(rows, 'run');
  const random = new Random(7);
  const text = (length: number) =>
    Array.from({ length }, () => 3 + Math.floor(random.uniform() * (spec.vocabularySize - 3)));
  const beginning = text(20);
  const limits = togetherLimits(spec, capacity);
  /** @param open whether there are rows, asked before each group and before its run */
  const read = (request: PairsRequest, open: () => boolean) => {
    const steps = scorePairs(serving, reader, request, chunk, {
      limits,
      rows: () => (open() ? rows : null),
    });
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
    }
  };
  try {
    const prompts = [
      text(41),
      [...beginning, ...text(9)],
      [...beginning, ...text(30)],
      text(3),
      text(2),
      text(70),
    ];
    const answer = text(24);
    const answers = [
      ...Array.from({ length: 4 }, () => text(24)),
      answer,
      [...answer.slice(0, 20), ...text(4)],
      text(17),
      text(2),
      text(1),
      text(66),
    ];
    const pairs = prompts.flatMap((_, p) => answers.map((__, a) => [p, (a * 3) % answers.length] as const));
    // A few of each prompt, so that a run has several prompts; one of two tokens ends a group.
    const few = prompts.flatMap(({ length }, p) => (length > 2 ? [0, 1, 2].map((a) => [p, a] as const) : []));
    for (const some of [pairs, pairs.slice(0, 4), few]) {
      const request: PairsRequest = { prompts, answers, pairs: some, priority: 'background' };
      const alone = read(request, never);
      runs.mock.resetCalls();
      assert.deepEqual(read(request, always), alone);
      // Of all pairs, whose answers lie in an order of the vocabulary's, some may find no others beside them.
      if (some !== pairs)
        assert.equal(runs.mock.callCount() > 0, some === few, 'several are read by one run, and few are not');
      if (some !== few) continue;
      assert.deepEqual(read(request, never), alone, 'one by one after that');
      let times = 0;
      assert.deepEqual(
        read(request, () => times++ % 3 !== 1),
        alone,
        'where a stream begins between',
      );
    }
  } finally {
    rows.release();
    reader.release();
    serving.release();
    cache.release();
    await graphs.release();
  }
}
