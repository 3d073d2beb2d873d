/** Many answers after many prompts, and divergences, against one text at a time and against PyTorch. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { Engine } from '../../src/engine/engine.js';
import type { ActivationEdit, Divergence, PairsRequest, ScoreRequest } from '../../src/engine/protocol.js';
import { request, score, scoreOneByOne, startEngine, tokens } from '../helpers/engine.js';
import { largestDifference, upTo } from '../helpers/run-graph.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel, tinyNames, tinySize } from '../helpers/tiny-models.js';

const { layers, vocabulary } = tinySize;

/** log softmax of row `position` in float64. */
function exactly(logits: Float32Array, position: number): Float64Array {
  const row = Float64Array.from(logits.subarray(position * vocabulary, (position + 1) * vocabulary));
  const top = Math.max(...row);
  const normaliser = top + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
  return row.map((logit) => logit - normaliser);
}

/** Of one text alone: its beginning up to `from` is the prompt. */
async function divergenceOf(
  engine: Engine,
  { tokens, from, edit }: Pick<ScoreRequest, 'tokens' | 'from' | 'edit'>,
): Promise<Divergence> {
  const [read] = await engine.divergenceMany({
    prompts: [tokens.slice(0, from)],
    answers: [tokens.slice(from)],
    pairs: [[0, 0]],
    edits: [edit],
    priority: 'interactive',
  });
  return read ?? assert.fail();
}

for (const name of tinyNames)
  describe(`pairs read by ${name}`, async () => {
    const tiny = tinyModel(name);
    const [long, short] = tiny.prompts;
    // Chunks smaller than the texts.
    const engine = await startEngine(tiny.directory, { slots: 4, prefillChunk: 4 });
    after(() => engine.close());
    const edits = tiny.prompts.map((_, row) => asTerms(goldenEdit(tiny, row)));
    const [first = [], second = []] = edits;

    /** Prompts and answers of all lengths, some equal, some that begin alike. */
    const many = (applied?: readonly ActivationEdit[]): PairsRequest => {
      const prompts = [long, short, long.slice(0, 1), long.slice(0, 6), long, [...short, 5, 6, 7, 8, 9, 10]];
      const text = upTo(90).map((i) => (i * 11 + 3) % vocabulary);
      const answers = [
        text.slice(0, 9),
        text.slice(0, 1),
        [...text.slice(0, 8), 1],
        text,
        [...text.slice(0, 70), 4],
        text.slice(0, 9),
        [300, 2],
        [...long.slice(6), 7],
      ];
      const pairs = prompts.flatMap((_, p) => answers.map((_, a) => [p, (a * 5) % answers.length] as const));
      const more = applied ? { edits: prompts.map((_, p) => applied[p % applied.length] ?? []) } : {};
      return { prompts, answers, pairs: [...pairs.reverse(), [0, 0]], priority: 'background', ...more };
    };

    test('scores of many pairs are those of each pair, unsteered and steered', async () => {
      for (const asked of [many(), many([first, [], second]), many([first])]) {
        const together = await engine.scoreMany(asked);
        const alone = await scoreOneByOne(engine, asked);
        assert.equal(together.length, asked.pairs.length);
        together.forEach((scores, i) => {
          assert.equal(scores.length, alone[i]?.length);
          assert.ok(largestDifference(scores, alone[i] ?? []) < 2e-5, `pair ${asked.pairs[i]}`);
        });
      }
      assert.deepEqual(await engine.scoreMany({ ...many(), pairs: [] }), []);
    });

    test("divergences are those of PyTorch's logits in float64", async () => {
      let largest = 0;
      for (const [row, prompt] of tiny.prompts.entries())
        for (const from of [1, 4, prompt.length - 1]) {
          const read = await divergenceOf(engine, {
            tokens: prompt,
            from,
            edit: edits[row] ?? [],
          });
          for (let i = 0; i < prompt.length - from; i++) {
            const p = exactly(tiny.golden(`steered_logits.${row}`), from + i - 1);
            const q = exactly(tiny.golden(`logits.${row}`), from + i - 1);
            const token = prompt[from + i] ?? -1;
            const expected = p.reduce((sum, one, t) => sum + Math.exp(one) * (one - (q[t] as number)), 0);
            largest = Math.max(largest, expected);
            assert.ok(Math.abs((read.divergence[i] ?? Number.NaN) - expected) < 1e-4);
            assert.ok(Math.abs((read.steered[i] ?? Number.NaN) - (p[token] as number)) < 1e-4);
            assert.ok(Math.abs((read.unsteered[i] ?? Number.NaN) - (q[token] as number)) < 1e-4);
          }
          assert.equal(read.divergence.length, prompt.length - from);
        }
      assert.ok(largest > 1e-3, `the edit diverges by ${largest} nat at most`);
    });

    test('divergences of many pairs are those of each, and zero without an edit', async () => {
      const asked = many([first, [], second]);
      const together = await engine.divergenceMany(asked);
      const scores = await engine.scoreMany(asked);
      const plain = await engine.scoreMany(many());
      for (const [i, [prompt, answer]] of asked.pairs.entries()) {
        const before = asked.prompts[prompt] ?? [];
        const edit = asked.edits?.[prompt] ?? [];
        const text = [...before, ...(asked.answers[answer] ?? [])];
        const alone = await divergenceOf(engine, {
          tokens: text,
          from: before.length,
          edit,
        });
        const { steered, unsteered, divergence } = together[i] ?? alone;
        assert.ok(largestDifference(divergence, alone.divergence) < 2e-5);
        assert.ok(largestDifference(steered, scores[i] ?? []) < 2e-5);
        assert.ok(largestDifference(unsteered, plain[i] ?? []) < 2e-5);
        assert.ok(divergence.every((one) => one >= 0));
        if (edit.length === 0) assert.ok(divergence.every((one) => one === 0));
        else assert.ok(divergence.some((one) => one > 0));
      }
    });

    test('an edit diverges inside its window only, and one with zero coefficients nowhere', async () => {
      const ask = (edit: ActivationEdit) => divergenceOf(engine, { tokens: long, from: 1, edit });
      const from = 5;
      const { divergence } = await ask(first.map((term) => ({ ...term, from })));
      // Entry i is made at position i.
      assert.deepEqual(divergence.subarray(0, from), new Float32Array(from));
      assert.ok((divergence[from] ?? 0) > 0);
      const zero = new Float32Array(layers);
      const nothing = await ask(first.map((term) => ({ ...term, add: zero, scale: zero })));
      assert.deepEqual(nothing.divergence, new Float32Array(long.length - 1));
      assert.deepEqual(nothing.steered, nothing.unsteered);
    });

    test('an interactive score comes between two texts, streams go on, and nobody disturbs anybody', async () => {
      const asked = many([first, second]);
      const [scores, divergences] = [await engine.scoreMany(asked), await engine.divergenceMany(asked)];
      const mine = await score(engine, long);
      const answer = await tokens(engine, request(long, { maxTokens: 60 }));
      let done = false;
      const jobs = Promise.all([engine.scoreMany(asked), engine.divergenceMany(asked)]).finally(() => {
        done = true;
      });
      const stream = tokens(engine, request(long, { maxTokens: 60 }));
      for (let i = 0; i < 3; i++) assert.deepEqual(await score(engine, long), mine);
      assert.ok(!done, 'the scores passed the pairs');
      assert.deepEqual(await stream, answer);
      const again = await jobs;
      again[0].forEach((one, i) => {
        assert.ok(largestDifference(one, scores[i] ?? []) < 2e-5);
      });
      again[1].forEach(({ divergence }, i) => {
        assert.ok(largestDifference(divergence, divergences[i]?.divergence ?? []) < 2e-5);
      });
    });

    test('cancelled pairs end, and what follows is right', async () => {
      const asked = many([first]);
      const expected = await score(engine, long);
      for (const ask of ['scoreMany', 'divergenceMany'] as const) {
        const abort = new AbortController();
        const cancelled = engine[ask](asked, abort.signal);
        await score(engine, short);
        abort.abort(new Error('enough'));
        await assert.rejects(cancelled, /enough/);
        assert.deepEqual(await score(engine, long), expected);
      }
    });

    test('requests that cannot be read are refused with the field, the limit and the value', async () => {
      const good = many();
      const bad: [Partial<PairsRequest>, RegExp][] = [
        [{ prompts: [[]], pairs: [] }, /prompts\[0\]/],
        [{ answers: [[1], []], pairs: [] }, /answers\[1\]/],
        [{ answers: [[vocabulary]], pairs: [] }, /answers\[0\].*320/],
        [{ pairs: [[0, 99]] }, /pairs\[0\].*index below 6 and one below 8.*0, 99/],
        [{ pairs: [[0.5, 0]] }, /pairs\[0\]/],
        [{ edits: [[]] }, /edits.*6 prompts.*1/],
        [{ answers: [new Array<number>(250).fill(1)], pairs: [[0, 0]] }, /256/],
      ];
      for (const [more, message] of bad) {
        await assert.rejects(engine.scoreMany({ ...good, ...more }), message);
        await assert.rejects(engine.divergenceMany({ ...good, ...more }), message);
      }
      const text = { tokens: long, edit: [], priority: 'background' } as const;
      for (const from of [0, long.length, 1.5])
        await assert.rejects(engine.score({ ...text, from }), /from.*between 1 and 10/);
    });
  });
