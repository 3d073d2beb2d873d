/** The check at load, and what happens when a graph fails later: on the CPU, where a fault can be put in by hand. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import { faultOfGraphs } from '../../../src/engine/load/decode-graph-check.js';
import { DecodeGraphs } from '../../../src/engine/run/decode-graphs.js';
import type { DecodeRow, FixedShapeStep, RunOutput } from '../../../src/engine/run/fixed-shape-step.js';
import { Sequence } from '../../../src/engine/schedule/sequence.js';
import { OrtError } from '../../../src/ort/status.js';
import { request } from '../../helpers/engine.js';
import { type FixedRunner, openFixedRunner } from '../../helpers/fixed-runner.js';
import { asTerms, goldenEdit } from '../../helpers/steering.js';
import { tinyModel } from '../../helpers/tiny-models.js';

const tiny = tinyModel('llama-genai');
const chunk = 4;
let opened: FixedRunner;
let graphs: DecodeGraphs;
beforeEach(async () => {
  opened = await openFixedRunner(tiny.directory, true);
  graphs = await DecodeGraphs.open(opened.session, opened.cache);
  opened.runner.useGraphs(graphs);
});
afterEach(() => opened.release());

const unsteered: DecodeRow = { lastToken: 1, computed: 0, edit: [] };

/** Makes the steps of three rows with one concept compute something else. */
function tamper(change: (usual: FixedShapeStep['run']) => FixedShapeStep['run']): void {
  const step = graphs.stepFor([unsteered, unsteered, unsteered]);
  assert.ok(step);
  step.run = change(step.run.bind(step));
}

const changed = (
  { logits, projections }: RunOutput,
  change: (logits: Float32Array) => Float32Array,
): RunOutput => ({
  logits: change(logits),
  projections,
});

test('graphs that compute the right thing have no fault', () => {
  assert.equal(faultOfGraphs(opened.runner, graphs, chunk), null);
});

test('a replay of what was recorded, whatever the inputs are now, is found out', () => {
  let recorded: RunOutput | null = null;
  tamper(
    (usual) =>
      (...step) =>
        (recorded ??= changed(usual(...step), (logits) => logits.slice())),
  );
  assert.match(faultOfGraphs(opened.runner, graphs, chunk) ?? '', /differs .*\(step 2 of 9\)/);
});

test('numbers that are none are found out', () => {
  tamper(
    (usual) =>
      (...step) =>
        changed(usual(...step), (logits) => logits.fill(Number.NaN)),
  );
  assert.match(faultOfGraphs(opened.runner, graphs, chunk) ?? '', /differs .*\(step 1 of 9\)/);
});

test('what the provider refuses is the fault, in its words', () => {
  tamper(() => () => {
    throw new OrtError(9, 'somewhere.cc:12 : FAIL : this cannot be captured', 'run');
  });
  assert.equal(faultOfGraphs(opened.runner, graphs, chunk), 'this cannot be captured');
});

test('any other error is no fault of the graphs, and is not swallowed', () => {
  tamper(() => () => {
    throw new RangeError('a mistake');
  });
  assert.throws(() => faultOfGraphs(opened.runner, graphs, chunk), RangeError);
});

test('a graph that fails while it serves costs no token: the step is run node by node', async () => {
  const { runner } = opened;
  const [long, short] = tiny.prompts;
  const running = [long, short, short.slice(1)].map((prompt, id) => {
    const sequence = new Sequence(id, request(prompt, { edit: asTerms(goldenEdit(tiny, 0)).slice(0, id) }));
    runner.chunk(id, prompt.slice(0, -1), 0, sequence.edit, 0);
    sequence.computed = prompt.length - 1;
    sequence.lastToken = prompt.at(-1) ?? 0;
    return sequence;
  });
  const logits = () => {
    const decoded = runner.decode(running);
    assert.equal(decoded.length, running.length);
    return decoded.map((row) => row.logits.slice());
  };
  const expected = logits();
  const step = graphs.stepFor(running.map(({ edit }) => ({ ...unsteered, edit })));
  assert.ok(step);
  let tried = 0;
  step.run = () => {
    tried++;
    throw new OrtError(1, 'the device is out of order', 'run');
  };
  const warned = once(process, 'warning');
  const again = logits();
  logits();
  assert.deepEqual(again, expected);
  assert.equal(tried, 1, 'and graphs are not tried again');
  const [warning] = (await warned) as [Error];
  assert.match(warning.message, /not replayed as device graphs: .*the device is out of order/);
});
