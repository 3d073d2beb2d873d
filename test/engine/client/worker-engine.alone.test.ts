/** The engine's manners: limits, cancelling, queueing, dying. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Engine } from '../../../src/engine/engine.js';
import type { SequenceStep } from '../../../src/engine/protocol.js';
import { SteerdError } from '../../../src/errors.js';
import { request, score, startEngine, steps, tokens } from '../../helpers/engine.js';
import { asTerms, goldenEdit } from '../../helpers/steering.js';
import { tinyModel, tinySize } from '../../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
const [long, short] = tiny.prompts;

const coded =
  (code: string, ...parts: readonly (string | RegExp)[]) =>
  (error: unknown) => {
    assert.ok(error instanceof SteerdError, String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.match(error.message, new RegExp(part));
    return true;
  };

/** Starts a sequence and waits for its first step. */
async function begun(
  engine: Engine,
  signal?: AbortSignal,
  maxTokens = 240,
): Promise<AsyncIterator<SequenceStep>> {
  const iterator = engine.generate(request(long, { maxTokens }), signal)[Symbol.asyncIterator]();
  await iterator.next();
  return iterator;
}

/** Waits for the worker's next reports, without a clock. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    assert.ok(turn < 100_000, 'it never came about');
    await nextTurn();
  }
}

describe('requests that cannot be run are refused before they run', async () => {
  const engine = await startEngine(tiny.directory, { slots: 2, capacity: 64 });
  after(() => engine.close());

  test('generate', async () => {
    const refused = (
      more: Parameters<typeof request>[1],
      check: (error: unknown) => boolean,
      prompt = long,
    ) => assert.rejects(steps(engine, request(prompt, more)), check);
    await refused({}, coded('prompt_empty', 'prompt'), []);
    await refused({}, coded('token_out_of_range', 'prompt', '320', '319'), [1, 320]);
    await refused({}, coded('token_out_of_range', 'prompt', '-1'), [-1]);
    await refused({}, coded('token_out_of_range', 'prompt', '1\\.5'), [1.5]);
    await refused({ maxTokens: 54 }, coded('context_length_exceeded', 'prompt', '11', '54', '64'));
    await refused({ maxTokens: 0 }, coded('invalid_value', 'max_tokens', '0'));
    const logitBias = [[320, 1]] as const;
    await refused(
      { sampling: { ...request(long).sampling, logitBias } },
      coded('token_out_of_range', 'logit_bias', '320'),
    );
    assert.equal((await steps(engine, request(long, { maxTokens: 53 }))).length, 53, 'exactly full is fine');
  });

  test('edits of another shape or with numbers that are none', async () => {
    const [term] = asTerms(goldenEdit(tiny, 0));
    assert.ok(term);
    const wrong = [
      { ...term, vectors: new Float32Array(10) },
      { ...term, add: new Float32Array(3) },
      { ...term, scale: new Float32Array(4).fill(Number.NaN) },
    ];
    for (const one of wrong) {
      await assert.rejects(
        tokens(engine, request(long, { edit: [one] })),
        coded('invalid_value', 'steering'),
      );
      await assert.rejects(score(engine, long, [one]), coded('invalid_value', 'steering'));
    }
  });

  test('score', async () => {
    await assert.rejects(score(engine, []), coded('prompt_empty', 'tokens'));
    await assert.rejects(score(engine, [1, 999]), coded('token_out_of_range', '999'));
    await assert.rejects(score(engine, new Array(65).fill(1)), coded('context_length_exceeded', '65', '64'));
    for (const from of [0, 11, 1.5, Number.NaN])
      await assert.rejects(score(engine, long, [], from), coded('invalid_value', 'from', String(from)));
  });

  test('capture', async () => {
    const capture = (positions: number[], span: [number, number] = [0, 0], text: readonly number[] = long) =>
      engine.capture({ tokens: text, positions, span });
    await assert.rejects(capture([0], [0, 0], []), coded('prompt_empty'));
    for (const positions of [[], [11], [-1], [0.5]])
      await assert.rejects(capture(positions), coded('invalid_value', 'positions'));
    for (const span of [
      [-1, 2],
      [3, 2],
      [0, 12],
      [0.5, 1],
      [0, Number.NaN],
    ] as [number, number][])
      await assert.rejects(capture([0], span), coded('invalid_value', 'span'));
  });

  test('and the engine goes on', async () => {
    assert.deepEqual(await tokens(engine, request(long)), tiny.ids('greedy.0'));
  });
});

describe('cancelling with one slot', async () => {
  const engine = await startEngine(tiny.directory, { slots: 1, prefillChunk: 4 });
  after(() => engine.close());
  const works = async () => assert.deepEqual(await tokens(engine, request(short)), tiny.ids('greedy.1'));

  test('leaving the iterable frees the slot', async () => {
    const iterator = await begun(engine);
    await iterator.return?.();
    await works();
    await until(() => engine.load().running === 0);
  });

  test("an abort ends the iterable with the signal's reason and frees the slot", async () => {
    const stop = new AbortController();
    const iterator = await begun(engine, stop.signal);
    const reason = new Error('enough');
    stop.abort(reason);
    await assert.rejects(async () => {
      for (;;) if ((await iterator.next()).done) return;
    }, reason);
    await until(() => engine.load().running === 0);
    await works();
  });

  test('the worker is told to cancel what runs, and of nothing that has ended (ATOM #1589)', async (t) => {
    const post = t.mock.method(engine.worker, 'postMessage'); // A spy: the messages still go through.
    const cancels = () =>
      post.mock.calls.filter(({ arguments: [message] }) => (message as { type: string }).type === 'cancel')
        .length;
    const stop = new AbortController();
    for (let i = 0; i < 20; i++) await steps(engine, request(short, { maxTokens: 3 }), stop.signal);
    stop.abort(new Error('all had ended'));
    assert.equal(cancels(), 0);
    const iterator = await begun(engine);
    await iterator.return?.();
    await until(() => engine.load().running === 0);
    assert.equal(cancels(), 1);
  });

  test('a signal aborted before starts nothing', async () => {
    await assert.rejects(steps(engine, request(long), AbortSignal.abort(new Error('before'))), /before/);
    await assert.rejects(
      engine.score(
        { tokens: long, from: 1, edit: [], priority: 'background' },
        AbortSignal.abort(new Error('before')),
      ),
      /before/,
    );
    assert.equal(engine.load().running, 0);
  });

  test('a sequence that waits can be cancelled, and one in the middle of its prompt', async () => {
    const running = await begun(engine);
    const stop = new AbortController();
    const waiting = steps(engine, request(short), stop.signal);
    assert.equal(engine.load().waiting, 1);
    stop.abort(new Error('waited enough'));
    await assert.rejects(waiting, /waited enough/);
    assert.equal(engine.load().waiting, 0);
    await running.return?.();

    const prompt = new Array<number>(200).fill(7);
    // On a busy machine the worker may end the answer before this thread has its next turn: then once more.
    for (let ended = true, tries = 0; ended; tries++) {
      assert.ok(tries < 20, 'it always ended first');
      const filling = new AbortController();
      const half = steps(engine, request(prompt, { maxTokens: 56 }), filling.signal);
      await nextTurn();
      filling.abort(new Error('half way'));
      ended = await half.then(
        () => true,
        (error: Error) => {
          assert.match(error.message, /half way/);
          return false;
        },
      );
    }
    await works();
  });

  test('a score and a capture can be cancelled', async () => {
    const text = new Array<number>(200).fill(7);
    const jobs = (signal: AbortSignal) => [
      engine.score({ tokens: text, from: 1, edit: [], priority: 'background' }, signal),
      engine.capture({ tokens: text, positions: [199], span: [0, 2] }, signal),
    ];
    for (const turns of [0, 1, 5]) {
      const stop = new AbortController();
      const started = jobs(stop.signal);
      for (let turn = 0; turn < turns; turn++) await nextTurn();
      stop.abort(new Error('no more'));
      for (const job of started) await assert.rejects(job, /no more/);
    }
    await works();
    assert.equal((await score(engine, short)).length, short.length - 1);
  });
});

test('a full queue is refused with the time to wait, and takes requests again when it has room', async () => {
  const engine = await startEngine(tiny.directory, { slots: 1, queue: 2 });
  const running = await begun(engine);
  const waiting = [steps(engine, request(short)), steps(engine, request(short))];
  assert.deepEqual(engine.load(), { running: 1, waiting: 2 });
  await assert.rejects(steps(engine, request(short)), (error) => {
    coded('queue_full', '2')(error);
    const { status, retryAfterSeconds } = error as SteerdError;
    assert.equal(status, 429);
    assert.ok(retryAfterSeconds !== null && retryAfterSeconds >= 1 && retryAfterSeconds <= 60);
    assert.ok(Number.isInteger(retryAfterSeconds));
    return true;
  });
  const background = tokens(engine, request(short, { priority: 'background' }));
  await running.return?.();
  assert.equal((await Promise.all(waiting)).length, 2);
  assert.deepEqual(await tokens(engine, request(short)), tiny.ids('greedy.1'));
  assert.deepEqual(await background, tiny.ids('greedy.1'), 'background work is not of the queue');
  await engine.close();
});

describe('the end', () => {
  const everything = (engine: Engine) => [
    steps(engine, request(long, { maxTokens: 240 })),
    steps(engine, request(short, { maxTokens: 240 })),
    steps(engine, request(short, { maxTokens: 240 })),
    score(engine, new Array<number>(250).fill(5)),
    engine.capture({ tokens: new Array<number>(250).fill(5), positions: [249], span: [0, 1] }),
  ];

  test('a killed worker fails its requests, and those that come later, with engine_failed', async () => {
    const engine = await startEngine(tiny.directory, { slots: 2, prefillChunk: 1 });
    const pending = everything(engine);
    await engine.worker.terminate();
    const failures = await Promise.allSettled(pending);
    for (const failure of failures) {
      assert.equal(failure.status, 'rejected');
      coded('engine_failed', 'test-model')(failure.reason);
    }
    coded('engine_failed')(await engine.died);
    await assert.rejects(tokens(engine, request(short)), coded('engine_failed'));
    await assert.rejects(score(engine, short), coded('engine_failed'));
    assert.deepEqual(engine.load(), { running: 0, waiting: 0 });
    await engine.close();
  });

  test('closing fails what runs, with a reason, and may be done twice', async () => {
    const engine = await startEngine(tiny.directory, { slots: 2, prefillChunk: 1 });
    const pending = Promise.allSettled(everything(engine));
    await nextTurn();
    await Promise.all([engine.close(), engine.close()]);
    for (const failure of await pending) {
      assert.equal(failure.status, 'rejected');
      coded('model_unavailable', 'test-model')(failure.reason);
    }
    await assert.rejects(tokens(engine, request(short)), coded('model_unavailable', 'unloaded'));
  });

  test('a folder without a model, and one with a broken one, are model_unavailable with the reason', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'steerd-engine-'));
    await assert.rejects(startEngine(folder), coded('model_unavailable', 'model\\.onnx', 'ENOENT'));
    await writeFile(join(folder, 'model.onnx'), 'not a model');
    await assert.rejects(startEngine(folder), coded('model_unavailable', 'not an ONNX model'));
    await rm(folder, { recursive: true });
  });

  test("one model's death leaves another alone", async () => {
    const [one, other] = await Promise.all([startEngine(tiny.directory), startEngine(tiny.directory)]);
    assert.equal(one.shape.fingerprint, other.shape.fingerprint);
    assert.notEqual(one.shape.fingerprint, (await otherFingerprint()) ?? '');
    await one.worker.terminate();
    assert.deepEqual(await tokens(other, request(long)), tiny.ids('greedy.0'));
    await other.close();
  });

  async function otherFingerprint(): Promise<string> {
    const engine = await startEngine(tinyModel('qwen3-genai').directory, { capacity: tinySize.hidden });
    await engine.close();
    return engine.shape.fingerprint;
  }
});
