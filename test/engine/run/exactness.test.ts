/**
 * The embedded model amplifies the last bit of an activation into another answer (its int8 kernels round), so
 * these hold to the bit: how a prompt is cut, and who else is in the batch, must not matter.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { HostKvCache } from '../../../src/engine/kv/host-kv-cache.js';
import { loadGraphs } from '../../../src/engine/load/loaded-graphs.js';
import type { ActivationEdit } from '../../../src/engine/protocol.js';
import { DraftRunner } from '../../../src/engine/run/draft-runner.js';
import type { RunOutput } from '../../../src/engine/run/fixed-shape-step.js';
import { LogitReader } from '../../../src/engine/run/logit-reader.js';
import { ServingRunner } from '../../../src/engine/run/serving-runner.js';
import { chunkEnd } from '../../../src/engine/schedule/chunks.js';
import { Sequence } from '../../../src/engine/schedule/sequence.js';
import { scorePairs } from '../../../src/engine/worker/pair-steps.js';
import { score } from '../../../src/engine/worker/read-steps.js';
import { RunOptions } from '../../../src/ort/binding.js';
import { embeddedDirectory, logprobs, spiderTerm } from '../../helpers/embedded-model.js';
import { request } from '../../helpers/engine.js';
import { testCache } from '../../helpers/test-cache.js';

/** What a read gives in the end. */
function lastOf<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

describe('logits of the embedded model, to the bit', async () => {
  const graphs = await loadGraphs(embeddedDirectory, 2, undefined, 'auto', 0, { cache: testCache });
  const runner = new ServingRunner(graphs.serving, new HostKvCache(graphs.spec, 8, 300), new RunOptions());
  const { spec } = graphs;
  const reader = await LogitReader.open();
  after(async () => {
    reader.release();
    runner.release();
    await graphs.release();
  });
  const edits: Readonly<Record<string, ActivationEdit>> = {
    'no edit': [],
    'an addition': [spiderTerm(2)],
    'an ablation': [spiderTerm(0, -1)],
    'two terms': [spiderTerm(2), spiderTerm(1, -0.5, 100)],
    'five terms': [0, 100, 200, 300, 400].map((shift) => spiderTerm(0.5, -0.3, shift)),
  };
  const names = Object.keys(edits);

  /** Fills a row in chunks and returns the last position's logits. */
  const prefill = (row: number, tokens: readonly number[], edit: ActivationEdit, size: number) => {
    let logits = new Float32Array(0);
    for (let at = 0; at < tokens.length; ) {
      const end = chunkEnd(at, tokens.length, size);
      logits = runner
        .chunk(row, tokens.slice(at, end), at, edit, end === tokens.length ? 1 : 0)
        .logits.slice();
      at = end;
    }
    return logits;
  };

  for (const name of names.slice(0, 4))
    test(`a prompt in chunks is the whole prompt, with ${name}`, () => {
      const edit = edits[name] ?? [];
      // One more than a multiple of 16 and 64: the token that must not be left alone.
      const whole = prefill(0, logprobs.ids, edit, 512);
      for (const size of [16, 64])
        assert.deepEqual(prefill(0, logprobs.ids, edit, size), whole, `size ${size}`);
    });

  test('a prompt in any parts of even length is the whole prompt', () => {
    const text = [...logprobs.ids, ...logprobs.ids.slice(3)];
    const random = new Random(7);
    const whole = prefill(0, text, [], 512);
    for (let round = 0; round < 6; round++) {
      const cuts: number[] = [];
      let logits = new Float32Array(0);
      for (let at = 0; at < text.length; ) {
        const end = chunkEnd(at, text.length, 2 + Math.floor(70 * random.uniform()));
        const scored = end === text.length ? 1 : 0;
        logits = runner.chunk(0, text.slice(at, end), at, [], scored).logits.slice();
        cuts.push(end);
        at = end;
      }
      assert.deepEqual(logits, whole, `cuts ${cuts}`);
    }
  });

  test('prompts read together are each read alone, whatever steers the others', () => {
    const text = [...logprobs.ids, ...logprobs.ids.slice(1)];
    const sequences = [37, 120, 64, 65, 3, 2, 129, 90].map((length, index) => {
      const prompt = text.slice(index, index + length);
      const edit = edits[names[index % names.length] ?? ''] ?? [];
      return new Sequence(index, request(prompt, { edit }));
    });
    const decodeAfter = (row: Sequence) => {
      row.computed = row.request.prompt.length;
      row.lastToken = logprobs.ids[20] ?? 0;
      return runner.decode([row])[0]?.logits.slice();
    };
    const alone = sequences.map((one) => {
      const first = prefill(0, one.request.prompt, one.edit, 512);
      return { first, second: decodeAfter(one) };
    });
    for (const indices of [
      [0],
      [3],
      [1, 6],
      [4, 5],
      [4, 0],
      [3, 7],
      [0, 1, 2, 3, 4, 5, 6, 7],
      [7, 6, 5, 2, 1],
    ]) {
      const batch = indices.map((index) => sequences[index] as Sequence);
      const read = runner.prompts(0, batch).map(({ logits }) => logits.slice());
      indices.forEach((index, row) => {
        assert.deepEqual(read[row], alone[index]?.first, `prompt ${index} among ${indices}`);
      });
      // The keys and values too: a step of what is in the first row.
      const [first] = batch;
      if (first) assert.deepEqual(decodeAfter(first), alone[first.id]?.second, `${indices}`);
    }
  });

  test('answers of many pairs score what each scores alone', () => {
    const text = logprobs.ids;
    const prompts = [text.slice(0, 20), text.slice(0, 33), text.slice(0, 20), text.slice(40, 52)];
    const answers = [
      text.slice(20, 52),
      [...text.slice(20, 33), ...text.slice(60, 80)],
      [...text.slice(20, 50), 9, 8],
      text.slice(33, 34),
      text.slice(33),
    ];
    const pairs = prompts.flatMap((_, p) => answers.map((_, a) => [p, a] as const));
    const noEdit: ActivationEdit = [];
    const oneEdit = edits['two terms'] ?? [];
    const asked = { prompts, answers, pairs, edits: [noEdit, noEdit, oneEdit, oneEdit] };
    const together = lastOf(scorePairs(runner, reader, { ...asked, priority: 'background' }, 64));
    const alone = pairs.flatMap(([prompt, answer]) => {
      const before = prompts[prompt] ?? [];
      const tokens = [...before, ...(answers[answer] ?? [])];
      const edit = asked.edits[prompt] ?? [];
      return [
        ...lastOf(score(runner, reader, { tokens, from: before.length, edit, priority: 'background' }, 64)),
      ];
    });
    assert.deepEqual([...together], alone);
  });

  test('tokens computed with a draft are as many decode steps, at every position', async () => {
    const cache = runner.cache as HostKvCache;
    const drafts = new DraftRunner(await graphs.openDrafts(5), cache, runner.runOptions, 5);
    try {
      for (const name of names) {
        const edit = (edits[name] ?? []).map((term, i) => (i === 1 ? { ...term, from: 41 } : term));
        const past = 39;
        const own = logprobs.ids.slice(past, past + 5);
        prefill(0, logprobs.ids.slice(0, past), edit, 512);
        const read = (output: RunOutput, at: number) => [
          ...output.logits.slice(at * spec.vocabularySize, (at + 1) * spec.vocabularySize),
          ...(output.projections?.read(0, at, [...edit.keys()]) ?? []),
        ];
        const one = own.map((token, i) => read(runner.chunk(0, [token], past + i, edit, 1, true), 0));
        const next = read(runner.chunk(0, [7], past + 5, edit, 1, true), 0);
        // A wrong guess changes nothing before it, and what it leaves behind is overwritten.
        for (const wrong of [1, 3, 5]) {
          const ids = own
            .map((token, i) => (i < wrong ? token : token + 11))
            .slice(0, Math.max(2, wrong + 1));
          const output = drafts.run(0, ids, past, edit, true);
          for (let i = 0; i < wrong; i++) assert.deepEqual(read(output, i), one[i], `${name}, token ${i}`);
        }
        assert.deepEqual(
          read(runner.chunk(0, [7], past + 5, edit, 1, true), 0),
          next,
          `${name}, the next step`,
        );
      }
    } finally {
      drafts.release();
    }
  });

  test('a row of a batch is the row alone, whatever steers the others', () => {
    const sequences = Array.from({ length: 8 }, (_, index) => {
      const prompt = logprobs.ids.slice(index, 12 + 5 * index);
      const sequence = new Sequence(
        index,
        request(prompt, { edit: edits[names[index % names.length] ?? ''] ?? [] }),
      );
      sequence.computed = prompt.length;
      sequence.lastToken = logprobs.ids[60 + index] ?? 0;
      return sequence;
    });
    const fill = (row: number, { request: { prompt, edit } }: Sequence) =>
      runner.chunk(row, prompt, 0, edit, 0);
    const alone = sequences.map((sequence) => {
      fill(0, sequence);
      return runner.decode([sequence])[0]?.logits.slice();
    });
    for (const size of [2, 3, 5, 8]) {
      const batch = sequences.slice(-size);
      batch.forEach((sequence, row) => {
        fill(row, sequence);
      });
      const decoded = runner.decode(batch);
      batch.forEach((sequence, row) => {
        assert.deepEqual(decoded[row]?.logits, alone[sequence.id], `row ${row} of ${size}`);
      });
    }
  });
});
