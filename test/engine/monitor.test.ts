/** Monitoring: projections with every token, and not a bit of difference to the answers. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { ActivationEdit, SequenceStep } from '../../src/engine/protocol.js';
import { SteerdError } from '../../src/errors.js';
import { positionWindow } from '../../src/steering/position-window.js';
import { embeddedDirectory, logprobs, spiderTerm } from '../helpers/embedded-model.js';
import { request, startEngine, steps } from '../helpers/engine.js';
import { largestDifference } from '../helpers/run-graph.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel, tinyNames, tinySize } from '../helpers/tiny-models.js';

const { layers, hidden } = tinySize;

const withoutProjections = (made: readonly SequenceStep[]) =>
  made.map(({ token, finish }) => ({ token, finish }));

/** [M, L] of <h, v> in float64, for hidden states [L, P, H] at one position. */
function projected(
  states: Float32Array,
  positions: number,
  position: number,
  vectors: readonly Float32Array[],
): Float64Array {
  const result = new Float64Array(vectors.length * layers);
  vectors.forEach((vector, m) => {
    for (let layer = 0; layer < layers; layer++)
      for (let i = 0; i < hidden; i++)
        result[m * layers + layer] =
          (result[m * layers + layer] ?? 0) +
          (states[(layer * positions + position) * hidden + i] ?? 0) * (vector[layer * hidden + i] ?? 0);
  });
  return result;
}

for (const name of tinyNames)
  describe(`monitoring with ${name}`, async () => {
    const tiny = tinyModel(name);
    const [long, short] = tiny.prompts;
    const engine = await startEngine(tiny.directory, { slots: 4, prefillChunk: 4 });
    after(() => engine.close());
    const edit = asTerms(goldenEdit(tiny, 0));
    const vectors = asTerms(goldenEdit(tiny, 1)).map((term) => term.vectors);

    test('each token has the projections of the position whose logits made it', async () => {
      for (const prompt of tiny.prompts) {
        const made = await steps(engine, request(prompt, { monitor: vectors }));
        const answer = made.map(({ token }) => token ?? -1);
        const text = [...prompt, ...answer];
        const positions = answer.map((_, i) => prompt.length - 1 + i);
        const { hiddenStates } = await engine.capture({ tokens: text, positions, span: [0, 0] });
        made.forEach(({ projections }, i) => {
          const expected = projected(hiddenStates, positions.length, i, vectors);
          assert.ok(largestDifference(projections ?? [], expected) < 1e-4, `token ${i}`);
        });
      }
    });

    test('projections of a given text are those of its hidden states at every position', async () => {
      const tokens = [...long, ...short];
      const read = await engine.project({ tokens, vectors, priority: 'interactive' });
      const positions = tokens.map((_, i) => i);
      const { hiddenStates } = await engine.capture({ tokens, positions, span: [0, 0] });
      assert.equal(read.length, vectors.length * layers * tokens.length);
      for (const position of positions) {
        const expected = projected(hiddenStates, tokens.length, position, vectors);
        const here = expected.map((_, row) => read[row * tokens.length + position] ?? Number.NaN);
        assert.ok(largestDifference(here, expected) < 1e-4, `position ${position}`);
      }
      const one = await engine.project({ tokens: [5], vectors, priority: 'background' });
      assert.equal(one.length, vectors.length * layers);
      assert.equal((await engine.project({ tokens, vectors: [], priority: 'interactive' })).length, 0);
    });

    test('a concept that is steered and monitored is read before its edit, layer by layer', async () => {
      const [term] = edit;
      assert.ok(term);
      const clamp = { ...term, add: new Float32Array(layers), scale: new Float32Array(layers).fill(-1) };
      // Only the first edited layer has the stream of the unsteered model before it.
      const [plain] = await steps(engine, request(long, { monitor: [term.vectors], maxTokens: 1 }));
      const [steered] = await steps(
        engine,
        request(long, { edit: [clamp], monitor: [term.vectors], maxTokens: 1 }),
      );
      assert.equal(steered?.projections?.[0], plain?.projections?.[0]);
      assert.notEqual(steered?.projections?.[1], plain?.projections?.[1]);
    });

    test('a direction of a term that ends with the prompt is read in the answer as one beside the edit is', async () => {
      const [term] = edit;
      assert.ok(term);
      const ends = { ...term, to: long.length };
      const another = asTerms(goldenEdit(tiny, 1)).map((one) => ({ ...one, to: long.length }));
      // The same numbers in an array of its own are another direction, with a term that acts nowhere.
      const copy = Float32Array.from(term.vectors);
      for (const whole of [
        [...another, ends],
        [...another, ends, ...edit],
      ]) {
        const read = (monitored: Float32Array) =>
          steps(engine, request(long, { edit: whole, monitor: [monitored], maxTokens: 6, logprobs: 5 }));
        assert.deepEqual(await read(term.vectors), await read(copy));
      }
    });

    test('an edit from the position behind the prompt on is not there yet when the first token is made', async () => {
      const later = edit.map((term) => ({ ...term, from: long.length }));
      const monitor = vectors;
      const plain = await steps(engine, request(long, { monitor, maxTokens: 2 }));
      const steered = await steps(engine, request(long, { monitor, edit: later, maxTokens: 2 }));
      assert.deepEqual(steered[0], plain[0]);
      const whole = await steps(engine, request(long, { monitor, edit, maxTokens: 2 }));
      assert.notDeepEqual(whole[0]?.projections, plain[0]?.projections);
      assert.notDeepEqual(steered[1]?.projections, plain[1]?.projections);
    });

    test("an edit from the prompt's last position on, as `generated` has it, is there when the first token is made", async () => {
      const { from } = positionWindow('generated', long.length, 256, 'positions');
      const [term] = edit;
      assert.ok(term);
      const generated = { ...term, from };
      const asked = { monitor: vectors, maxTokens: 1 };
      const [plain] = await steps(engine, request(long, asked));
      const [steered] = await steps(engine, request(long, { ...asked, edit: [generated] }));
      assert.notDeepEqual(steered?.projections, plain?.projections);
      // The first block's output is read before its edit.
      assert.equal(steered?.projections?.[0], plain?.projections?.[0]);
    });

    test('one direction asked for twice, or steered by as well, is read the same each time', async () => {
      const [term] = edit;
      assert.ok(term);
      const copy = new Float32Array(new SharedArrayBuffer(term.vectors.byteLength));
      copy.set(term.vectors);
      const [made] = await steps(engine, request(long, { edit, monitor: [copy, term.vectors, copy] }));
      const { projections = [] } = made ?? {};
      const row = (m: number) => Array.from(projections).slice(m * layers, (m + 1) * layers);
      assert.deepEqual(row(0), row(1));
      assert.deepEqual(row(0), row(2));
    });

    test('the token that ends an answer has none, as it is no part of it', async () => {
      const stop = tiny.ids('greedy.0')[0] ?? -1;
      const made = await steps(engine, request(long, { stopTokens: [stop], monitor: vectors }));
      assert.deepEqual(made, [{ token: null, finish: 'stop' }]);
    });

    test('nobody else has projections, and nobody has another answer', async () => {
      const sampling = { ...request(long).sampling, temperature: 1, seed: 9 };
      const plain = [
        request(long, { sampling, maxTokens: 30 }),
        request(short, { sampling, edit, maxTokens: 20 }),
        request(short, { maxTokens: 12 }),
        request([...long, ...short], { edit: edit.slice(0, 1), maxTokens: 25 }),
      ];
      const alone: SequenceStep[][] = [];
      for (const one of plain) alone.push(await steps(engine, one));
      assert.ok(alone.flat().every((step) => !('projections' in step)));
      const together = await Promise.all(
        plain.map((one, i) => steps(engine, i % 2 === 0 ? { ...one, monitor: vectors } : one)),
      );
      assert.deepEqual(together.map(withoutProjections), alone);
      for (const [i, made] of together.entries())
        assert.ok(made.every(({ projections }) => (projections !== undefined) === (i % 2 === 0)));
    });

    test('vectors of another width and texts beyond the capacity are refused', async () => {
      const refused = (asked: Promise<unknown>, code: string) =>
        assert.rejects(asked, (error) => error instanceof SteerdError && error.code === code);
      const wrong = [new Float32Array(7)];
      const priority = 'interactive';
      await refused(steps(engine, request(long, { monitor: wrong })), 'invalid_value');
      await refused(engine.project({ tokens: long, vectors: wrong, priority }), 'invalid_value');
      await refused(
        engine.project({ tokens: new Array(257).fill(1), vectors, priority }),
        'context_length_exceeded',
      );
      await refused(engine.project({ tokens: [], vectors, priority }), 'prompt_empty');
    });

    test('readings count as interactive work: a full queue refuses them, and takes them when it has room', async () => {
      const small = await startEngine(tiny.directory, { slots: 1, queue: 1 });
      const tokens = new Array<number>(200).fill(7);
      const read = () => small.project({ tokens, vectors, priority: 'interactive' });
      const running = [read(), read()];
      await assert.rejects(read(), (error) => error instanceof SteerdError && error.code === 'queue_full');
      await Promise.all(running);
      assert.equal((await read()).length, vectors.length * layers * tokens.length);
      await small.close();
    });

    test('an interactive reading goes before background scores that wait, and neither spoils the other', async () => {
      const tokens = Array.from({ length: 200 }, (_, i) => (i * 7 + 1) % tinySize.vocabulary);
      const scoring = { tokens, from: 1, edit, priority: 'background' } as const;
      const scoredAlone = await engine.score(scoring);
      const readAlone = await engine.project({ tokens, vectors, priority: 'interactive' });
      const order: string[] = [];
      const note = <T>(what: string, asked: Promise<T>) =>
        asked.then((result) => {
          order.push(what);
          return result;
        });
      const scores = [1, 2, 3].map((i) => note(`score ${i}`, engine.score(scoring)));
      const read = note('read', engine.project({ tokens, vectors, priority: 'interactive' }));
      for (const scored of await Promise.all(scores)) assert.deepEqual(scored, scoredAlone);
      assert.deepEqual(await read, readAlone);
      assert.ok(order.indexOf('read') < order.indexOf('score 2'), order.join(', '));
    });

    test('streams go on while a long text is projected, and it can be cancelled', async () => {
      const tokens = Array.from({ length: 240 }, (_, i) => (i * 11 + 3) % tinySize.vocabulary);
      const asked = request(long, { maxTokens: 200, monitor: vectors });
      const alone = await steps(engine, asked);
      const readAlone = await engine.project({ tokens, vectors, priority: 'interactive' });
      const stream = steps(engine, asked);
      assert.deepEqual(await engine.project({ tokens, vectors, priority: 'interactive' }), readAlone);
      assert.deepEqual(await stream, alone);

      const stop = new AbortController();
      const cancelled = engine.project({ tokens, vectors, priority: 'interactive' }, stop.signal);
      stop.abort(new Error('no more'));
      await assert.rejects(cancelled, /no more/);
      assert.equal((await steps(engine, request(short, { maxTokens: 3 }))).length, 3);
    });
  });

describe('monitoring with the embedded model', async () => {
  const engine = await startEngine(embeddedDirectory, {
    slots: 4,
    threads: 2,
    capacity: 256,
    prefillChunk: 16,
  });
  after(() => engine.close());

  test('answers are the same to the bit, unsteered and steered, greedy and sampled', async () => {
    const monitor = [spiderTerm(0).vectors, spiderTerm(0, 0, 100).vectors];
    const edits: readonly ActivationEdit[] = [[], [spiderTerm(2)], [spiderTerm(1), spiderTerm(0, -1, 50)]];
    for (const [index, edit] of edits.entries()) {
      const sampling = { ...request([]).sampling, temperature: index === 1 ? 0.9 : 0, seed: 3 };
      const asked = request(logprobs.ids.slice(0, 21), { edit, sampling, maxTokens: 10 });
      const plain = await steps(engine, asked);
      const watched = await steps(engine, { ...asked, monitor });
      assert.deepEqual(withoutProjections(watched), plain);
      assert.equal(watched[0]?.projections?.length, 2 * 30);
    }
  });
});
