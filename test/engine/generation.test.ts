/** What the engine makes of the tiny models, against PyTorch and against itself. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { ActivationEdit } from '../../src/engine/protocol.js';
import { logNormaliser } from '../../src/engine/sampling/token-logprobs.js';
import { request, score, startEngine, steps, tokens } from '../helpers/engine.js';
import { largestDifference, upTo } from '../helpers/run-graph.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel, tinyNames, tinySize } from '../helpers/tiny-models.js';

const { layers, hidden, heads, vocabulary } = tinySize;

for (const name of tinyNames)
  describe(`engine with ${name}`, async () => {
    const tiny = tinyModel(name);
    const [long, short] = tiny.prompts;
    // Chunks smaller than the prompts, so that every test prefills in several steps.
    const engine = await startEngine(tiny.directory, { slots: 4, prefillChunk: 4 });
    after(() => engine.close());
    const edits = tiny.prompts.map((_, row) => asTerms(goldenEdit(tiny, row)));
    const edit = (row: number): ActivationEdit => edits[row] ?? [];

    test("its shape is the model's", () => {
      const { fingerprint, ...shape } = engine.shape;
      assert.deepEqual(shape, {
        layers,
        hiddenSize: hidden,
        heads,
        vocabularySize: vocabulary,
        capacity: 256,
        slots: 4,
      });
      assert.match(fingerprint, /^[0-9a-f]{64}$/);
    });

    test("greedy tokens are PyTorch's, unsteered and steered", async () => {
      for (const [row, prompt] of tiny.prompts.entries()) {
        assert.deepEqual(await tokens(engine, request(prompt)), tiny.ids(`greedy.${row}`));
        const steered = await tokens(engine, request(prompt, { edit: edit(row) }));
        assert.deepEqual(steered, tiny.ids(`steered_greedy.${row}`));
      }
    });

    test("an edit with zero coefficients gives the baseline's tokens", async () => {
      const zero = edit(0).map((term) => ({
        ...term,
        add: new Float32Array(layers),
        scale: new Float32Array(layers),
      }));
      const sampling = { ...request(long).sampling, temperature: 1, seed: 5 };
      const asked = request(long, { sampling, maxTokens: 40 });
      assert.deepEqual(await tokens(engine, { ...asked, edit: zero }), await tokens(engine, asked));
    });

    test('sequences of other lengths and edits at the same time each get what they get alone', async () => {
      const sampling = (seed: number) => ({ ...request(long).sampling, temperature: 0.9, seed });
      const asked = [
        request(long, { edit: edit(0), maxTokens: 30 }),
        request(short, { edit: edit(1), maxTokens: 9 }),
        request(long, { maxTokens: 17 }),
        request(long.slice(0, 1), { edit: edit(0).slice(0, 1), maxTokens: 25 }),
        request(short, { sampling: sampling(1), maxTokens: 20 }),
        request(short, { sampling: sampling(2), edit: edit(0), maxTokens: 20 }),
        request([...long, ...short, ...long], { edit: edit(1), maxTokens: 12 }),
        request(long, { maxTokens: 1 }),
        request(short, { edit: edit(0), maxTokens: 33, priority: 'background' }),
      ];
      const alone: number[][] = [];
      for (const one of asked) alone.push(await tokens(engine, one));
      const together = await Promise.all(asked.map((one) => tokens(engine, one)));
      assert.deepEqual(together, alone);
    });

    test('a sequence may fill its slot to the last token', async () => {
      const prompt = upTo(250).map((i) => (i * 7) % vocabulary);
      assert.equal((await tokens(engine, request(prompt, { maxTokens: 6 }))).length, 6);
    });

    test("scores are the log-softmax of PyTorch's logits, unsteered and steered, from any position", async () => {
      for (const [row, prompt] of tiny.prompts.entries())
        for (const [tensor, applied] of [
          [`logits.${row}`, []],
          [`steered_logits.${row}`, edit(row)],
        ] as const) {
          const logits = tiny.golden(tensor);
          const expected = prompt.slice(1).map((token, i) => {
            const at = logits.subarray(i * vocabulary, (i + 1) * vocabulary);
            return (at[token] ?? Number.NaN) - logNormaliser(at);
          });
          for (const from of [1, 3, prompt.length - 1]) {
            const scored = await score(engine, prompt, applied, from);
            assert.ok(largestDifference(scored, expected.slice(from - 1)) < 1e-4);
          }
        }
    });

    test('a beginning that texts share is computed once and changes no score', async () => {
      const shared = 5;
      const beginning = long.slice(0, shared);
      const ask = (end: readonly number[], applied: ActivationEdit, count?: number) =>
        engine.score({
          tokens: [...beginning, ...end],
          from: shared + 1,
          edit: applied,
          priority: 'background',
          ...(count === undefined ? {} : { shared: count }),
        });
      const ends = [long.slice(-4), short.slice(0, 6)];
      for (const applied of [edit(0), []]) {
        for (const end of ends) {
          const first = await ask(end, applied, shared);
          assert.ok(largestDifference(first, await ask(end, applied)) < 1e-5);
          for (const other of ends) await ask(other, applied, shared);
          // A text that is read in the same cache row must not be taken for the beginning.
          const vectors = [new Float32Array(layers * hidden)];
          await engine.project({ tokens: long, vectors, priority: 'background' });
          assert.deepEqual(await ask(end, applied, shared), first);
        }
      }
    });

    test("captured activations are PyTorch's, in the order asked", async () => {
      for (const [row, prompt] of tiny.prompts.entries()) {
        const positions = upTo(prompt.length);
        const whole = await engine.capture({ tokens: prompt, positions, span: [2, 5] });
        assert.ok(largestDifference(whole.hiddenStates, tiny.golden(`hidden_states.${row}`)) < 1e-4);
        const last = [3, 2, 1].map((back) => prompt.length - back);
        const { attentionToPrefix } = await engine.capture({ tokens: prompt, positions: last, span: [2, 5] });
        assert.ok(largestDifference(attentionToPrefix, tiny.golden(`attention_to_prefix.${row}`)) < 1e-5);

        const some = [prompt.length - 1, 0, 5, 0];
        const picked = await engine.capture({ tokens: prompt, positions: some, span: [0, 0] });
        some.forEach((position, index) => {
          for (let layer = 0; layer < layers; layer++) {
            const at = (layer * some.length + index) * hidden;
            const from = (layer * prompt.length + position) * hidden;
            const expected = whole.hiddenStates.subarray(from, from + hidden);
            assert.ok(largestDifference(picked.hiddenStates.subarray(at, at + hidden), expected) < 1e-5);
          }
        });
        assert.ok(
          picked.attentionToPrefix.every((value) => value === 0),
          'an empty span',
        );
      }
    });

    test('an edit changes nothing before its window, something in it, and nothing outside the text', async () => {
      const baseline = await score(engine, long);
      const windowed = (from: number, to: number) =>
        score(
          engine,
          long,
          edit(0).map((term) => ({ ...term, from, to })),
        );
      for (const start of [1, 4, 7]) {
        const steered = await windowed(start, Number.POSITIVE_INFINITY);
        // Entry i is made at position i.
        assert.deepEqual(steered.subarray(0, start), baseline.subarray(0, start));
        assert.notEqual(steered[start], baseline[start]);
      }
      assert.deepEqual(await windowed(long.length, Number.POSITIVE_INFINITY), baseline);
      assert.deepEqual(await windowed(5, 5), baseline);
      const early = await windowed(0, 3);
      assert.notDeepEqual(early, baseline);
      assert.notDeepEqual(early, await windowed(0, Number.POSITIVE_INFINITY));
    });

    test('max_tokens ends with length, on the last token', async () => {
      const made = await steps(engine, request(long, { maxTokens: 5 }));
      assert.deepEqual(
        made,
        tiny
          .ids('greedy.0')
          .slice(0, 5)
          .map((token, index) => ({ token, finish: index === 4 ? 'length' : null })),
      );
    });

    /** A sampled answer: the greedy ones repeat one token. */
    const varied = request(long, { sampling: { ...request(long).sampling, temperature: 30, seed: 3 } });

    test('a stop token ends with stop and is not part of the answer', async () => {
      const answer = await tokens(engine, varied);
      const at = answer.findIndex((token, index) => index > 3 && answer.indexOf(token) === index);
      assert.ok(at > 3);
      const made = await steps(engine, { ...varied, stopTokens: [319, answer[at] ?? -1] });
      assert.deepEqual(made, [
        ...answer.slice(0, at).map((token) => ({ token, finish: null })),
        { token: null, finish: 'stop' },
      ]);
    });

    test('stop tokens cannot come before min_tokens', async () => {
      const stop = tiny.ids('greedy.0')[0] ?? -1;
      assert.deepEqual(await tokens(engine, request(long, { stopTokens: [stop] })), []);
      const made = await tokens(engine, request(long, { stopTokens: [stop], minTokens: 4 }));
      assert.ok(made.length >= 4);
      assert.ok(!made.includes(stop));
    });

    test('streams go on while a long text is scored and captured, and nobody disturbs anybody', async () => {
      const text = upTo(240).map((i) => (i * 11 + 3) % vocabulary);
      const scoredAlone = await score(engine, text, edit(0));
      const capturedAlone = await engine.capture({ tokens: text, positions: [0, 100, 239], span: [2, 5] });
      const asked = [request(long, { maxTokens: 200, edit: edit(1) }), request(short, { maxTokens: 200 })];
      const alone: number[][] = [];
      for (const one of asked) alone.push(await tokens(engine, one));

      let received = 0;
      const streams = asked.map(async (one) => {
        const made: number[] = [];
        for await (const { token } of engine.generate(one)) {
          if (token !== null) made.push(token);
          received++;
        }
        return made;
      });
      const jobs = Promise.all([
        score(engine, text, edit(0)),
        engine.capture({ tokens: text, positions: [0, 100, 239], span: [2, 5] }),
      ]);
      const [scored, captured] = await jobs;
      // 120 chunks, each with a decode step of both streams.
      assert.ok(received > 100, `${received} tokens came meanwhile`);
      assert.deepEqual(scored, scoredAlone);
      assert.deepEqual(captured, capturedAlone);
      assert.deepEqual(await Promise.all(streams), alone);
    });
  });
