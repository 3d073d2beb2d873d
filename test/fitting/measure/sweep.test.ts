import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sweep } from '../../../src/fitting/measure/sweep.js';
import { SweepRequest } from '../../../src/schemas/measurements.js';
import { validate } from '../../../src/schemas/validation.js';
import { JudgedEngine, judgedModel, prefix, seaConcept } from './judged-model.js';

const signal = new AbortController().signal;
const sea = seaConcept();
const unstated = { ...seaConcept({ prefix: '' }), name: 'wordless' };
const concepts = {
  async load(_: string, name: string) {
    const concept = [sea, unstated].find((one) => one.name === name);
    return concept && { concept, source: 'data' as const, createdAt: 1 };
  },
  names: () => ['sea', 'wordless'],
};
const request = (more: object): SweepRequest =>
  SweepRequest.parse({ prompts: ['Hello?'], concepts: ['sea'], strengths: [0, 1], max_tokens: 8, ...more });
const run = async (
  more: object,
  engine = new JudgedEngine({ loss: (share) => 10 * Math.abs(share), gain: (share) => 20 * share }),
) => ({
  engine,
  result: await sweep(request(more), judgedModel(engine), concepts, signal),
});

test('every combination is answered and judged, in order, and summed up over the prompts', async () => {
  const { engine, result } = await run({
    prompts: ['Hello?', [{ role: 'user', content: 'And you?' }]],
    concepts: ['sea', 'wordless'],
    strengths: [-1, 0, 1],
  });
  assert.deepEqual(
    result.data.map(({ prompt, concept, strength }) => [prompt, concept, strength]),
    [0, 1].flatMap((prompt) =>
      ['sea', 'wordless'].flatMap((concept) => [-1, 0, 1].map((strength) => [prompt, concept, strength])),
    ),
  );
  assert.equal(engine.generated.length, 12);
  const near = (a: number | null, b: number | null) =>
    assert.ok(a === b || Math.abs((a ?? 9) - (b ?? -9)) < 1e-3, `${a} is not ${b}`);
  for (const {
    concept,
    strength,
    evidence,
    log_probability,
    distinct_2,
    tokens,
    finish_reason,
  } of result.data) {
    near(evidence, concept === 'sea' ? 0.012 * strength * 20 : null);
    near(log_probability, -0.5 - 0.012 * Math.abs(strength) * 10);
    assert.deepEqual([distinct_2, tokens, finish_reason], [1, 8, 'length']);
  }
  assert.equal(result.summary.length, 6);
  for (const { concept, strength, evidence, steering } of result.summary) {
    near(evidence, concept === 'sea' ? 0.012 * strength * 20 : null);
    assert.deepEqual([steering.concept, steering.strength], [concept, strength]);
  }
});

test('the concept is stated in the judging alone, before what a chat says itself', async () => {
  const { engine } = await run({
    prompts: [
      [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hello?' },
      ],
    ],
  });
  assert.ok(engine.generated.every(({ prompt }) => !String.fromCodePoint(...prompt).includes(prefix)));
  const judged = engine.scored.map(({ tokens, from }) => String.fromCodePoint(...tokens.slice(0, from)));
  assert.deepEqual(
    [...new Set(judged)],
    [
      '<system>Be brief.\n<user>Hello?\n<assistant>',
      `<system>${prefix}\n\nBe brief.\n<user>Hello?\n<assistant>`,
    ],
  );
});

test('what cannot run is refused before anything does', async () => {
  const engine = new JudgedEngine({ loss: () => 1, gain: () => 1 });
  for (const [more, message] of [
    [{ concepts: ['sea', 'lake'] }, /concept "lake" does not exist/],
    [{ layers: [7] }, /layers must be block numbers/],
    [{ prompts: ['Hello?', 'x'.repeat(5000)] }, /a prompt has \d+ tokens/],
  ] as const) {
    await assert.rejects(run(more, engine), { name: 'SteerdError', message });
  }
  assert.equal(engine.generated.length, 0);
});

test('the request has bounds, each with its own message', () => {
  const least = { prompts: ['Hello?'], concepts: ['sea'], strengths: [1] };
  for (const [more, message] of [
    [{ prompts: [] }, /prompts must be a list of 1 to 64 prompts/],
    [{ prompts: [''] }, /prompts\.0 must be a text/],
    [{ strengths: [] }, /strengths must be a list of 1 to 32/],
    [{ strengths: [1, 101] }, /strengths\.1 must be a number from -100 to 100/],
    [{ strengths: [0.5, 2], operation: 'ablate' }, /strengths\.1 must be a number from 0 to 1/],
    [{ concept: 'sea' }, /the sweep has no field "concept"; did you mean "concepts"/],
    [
      { prompts: new Array(64).fill('a'), strengths: new Array(9).fill(1) },
      /at most 512 answers; received 576/,
    ],
    [{ temperature: 3 }, /temperature must be a number from 0 to 2/],
  ] as const) {
    const parsed = validate(SweepRequest, { ...least, ...more });
    assert.match('error' in parsed ? parsed.error.message : 'accepted', message, JSON.stringify(more));
  }
});
