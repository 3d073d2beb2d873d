/** Which terms a sequence computes, and where its monitored ones stand among them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EditTerm, greedy, type SequenceRequest } from '../../../src/engine/protocol.js';
import { Sampler } from '../../../src/engine/sampling/sampler.js';
import { inAnswer, withMonitored } from '../../../src/engine/schedule/monitored-edit.js';
import { Sequence } from '../../../src/engine/schedule/sequence.js';

const endless = Number.POSITIVE_INFINITY;
const prompt = [1, 2, 3, 4];

let terms = 0;
/** Each with vectors of its own. */
const term = (from: number, to: number): EditTerm => ({
  vectors: new Float32Array(4).fill(++terms),
  add: new Float32Array(2),
  scale: new Float32Array(2),
  from,
  to,
});

/** A prompt's two terms and an answer's, as an ablation has them, and one that acts everywhere. */
const message = term(0, prompt.length);
const ownInPrompt = term(0, prompt.length);
const ownInAnswer = term(prompt.length, endless);
const everywhere = term(0, endless);

const request = (edit: readonly EditTerm[], further: Partial<SequenceRequest> = {}): SequenceRequest => ({
  prompt,
  edit,
  maxTokens: 4,
  minTokens: 0,
  stopTokens: [],
  sampling: greedy,
  priority: 'interactive',
  ...further,
});

test('a direction that is a term already is monitored there, another gets a term that acts nowhere', () => {
  const other = new Float32Array(4);
  const { edit, monitored } = withMonitored([message, everywhere], [everywhere.vectors, other]);
  assert.deepEqual(monitored, [1, 2]);
  assert.equal(edit[2]?.vectors, other);
  assert.equal(edit[2]?.to, 0);
});

test("a prompt's terms are not computed in the answer, and monitored ones are, whatever they do", () => {
  const edit = [message, ownInPrompt, ownInAnswer, everywhere];
  const acts = (index: number) => (edit[index]?.to ?? 0) > prompt.length;
  assert.deepEqual(inAnswer(edit, [], acts), { edit: [ownInAnswer, everywhere], monitored: [] });
  assert.deepEqual(inAnswer(edit, [3, 1], acts), {
    edit: [ownInPrompt, ownInAnswer, everywhere],
    monitored: [2, 0],
  });
});

test('an edit that acts throughout stays the same object, for its vectors are written when the object changes', () => {
  const edit = [ownInAnswer, everywhere];
  assert.equal(inAnswer(edit, [], () => true).edit, edit);
});

test('a sequence changes its edit once, where its answer begins', () => {
  const { edit, monitored } = withMonitored([message, ownInPrompt, ownInAnswer], [ownInPrompt.vectors]);
  const sequence = new Sequence(1, request(edit), edit, monitored);
  const seen = prompt.map((_, computed) => {
    sequence.computed = computed;
    return { edit: sequence.edit, monitored: sequence.monitored };
  });
  for (const one of seen) assert.deepEqual(one, { edit, monitored: [1] });
  sequence.computed = prompt.length;
  const begun = sequence.edit;
  assert.deepEqual(begun, [ownInPrompt, ownInAnswer]);
  assert.deepEqual(sequence.monitored, [0]);
  sequence.computed += 3;
  assert.equal(sequence.edit, begun);
  assert.equal(sequence.wholeEdit, edit);
});

test('what a quiet span ends for a while is no term of the prompt alone', () => {
  const quiet = { fromStart: true, opens: ['<'], closes: ['>'] };
  const sequence = new Sequence(
    1,
    request([everywhere, message], { quiet }),
    [everywhere, message],
    [],
    ['>'],
  );
  sequence.computed = prompt.length;
  const [term, ...others] = sequence.edit;
  assert.deepEqual([term?.to, others], [prompt.length, []]);
  // Token 0 is the mark behind which it is heard again.
  sequence.sample(Float32Array.of(1), new Sampler(1));
  assert.equal(term?.to, endless);
  assert.equal(sequence.edit[0], term);
});
