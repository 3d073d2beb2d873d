/** Calibrating and sweeping on the running server. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConceptObject } from '../../../src/schemas/concepts.js';
import type { Sweep } from '../../../src/schemas/measurements.js';
import { answer, post, suiteServer } from '../running-server.js';

interface Point {
  readonly share: number;
  readonly concept: number;
  readonly fluency: number;
  readonly harmonic: number;
}

describe('measured steering', () => {
  const running = suiteServer();

  test("a sweep's answers are the completions', and evidence rises with the strength", async () => {
    const server = running();
    const prompts = ['What did you do on Sunday?', 'Tell me about your house.'];
    const strengths = [0, 0.5, 1];
    const body = { prompts, concepts: ['ocean', 'pirate'], strengths, max_tokens: 24 };
    const { status, json } = await post(server, '/v1/steering/sweep', body);
    assert.equal(status, 200, JSON.stringify(json));
    const { data, summary } = json as Sweep;
    assert.equal(data.length, 12);
    await Promise.all(
      data.map(async ({ prompt, concept, strength, answer: text }) => {
        const steering = { concept, strength };
        const completed = await answer(server, prompts[prompt] ?? '', steering, { max_tokens: 24 });
        assert.equal(text, completed, `${concept} ${strength}`);
      }),
    );
    for (const concept of ['ocean', 'pirate']) {
      const evidence = summary.filter((row) => row.concept === concept).map((row) => row.evidence ?? 0);
      assert.ok((evidence[2] ?? 0) > (evidence[0] ?? 0) + 0.1, `${concept}: ${evidence}`);
    }
  });

  test('a calibration finds where the concept reads best, is stored, and is what strength 1 does next', async () => {
    const server = running();
    const questions = ['What do you like to eat?', 'How was the party?', 'Describe a room.'];
    const body = { questions, shares: [0.005, 0.012, 0.2], max_tokens: 24 };
    const { status, json } = await post(server, '/v1/concepts/garden/calibrate', body);
    assert.equal(status, 200, JSON.stringify(json));
    const concept = json as ConceptObject;
    const { method, details, coefficients } = concept.calibration;
    assert.deepEqual([method, concept.source], ['harmonic', 'data']);
    const curve = details.curve as Point[];
    assert.deepEqual(
      curve.map(({ share }) => share),
      body.shares,
    );
    const [gentle, usual, broken] = curve as [Point, Point, Point];
    // An edit a fifth as long as the residual stream breaks any text.
    assert.ok(broken.fluency < 0.5 && broken.harmonic < 0.1, JSON.stringify(broken));
    assert.ok(gentle.fluency > 0.7, JSON.stringify(gentle));
    assert.ok(usual.concept > gentle.concept, JSON.stringify(curve));
    const one = details.share as number;
    assert.ok(one >= 0.005 / 1.2 && one < 0.1, `${one}`);
    assert.ok((concept.max_strength ?? 0) >= 1);

    const reply = await post(server, '/v1/chat/completions', {
      messages: [{ role: 'user', content: 'Hello' }],
      max_tokens: 1,
      steering: { concept: 'garden', strength: -1 },
      receipt: 'full',
    });
    const [receipt] = (reply.json as { steering: { version: string; coefficients: number[] }[] }).steering;
    assert.equal(receipt?.version, concept.version);
    const minusOne = coefficients.filter((c) => c !== 0).map((c) => -c * concept.calibration.negative_ratio);
    assert.deepEqual(receipt?.coefficients.map(Math.fround), minusOne.map(Math.fround));
  });

  test('what cannot be measured is refused at once', async () => {
    const server = running();
    for (const [path, body, expected, message] of [
      ['/v1/concepts/nobody/calibrate', {}, 404, /"nobody" does not exist/],
      ['/v1/concepts/ocean/calibrate', { shares: [0] }, 400, /shares\.0 must be a number above 0/],
      ['/v1/concepts/ocean/calibrate', { share: [0.1] }, 400, /did you mean "shares"/],
      ['/v1/concepts/ocean/calibrate', { questions: ['only one'] }, 400, /questions must be a list of 2/],
      ['/v1/concepts/ocean/calibrate', { model: 'other' }, 404, /model "other"/],
      ['/v1/steering/sweep', { prompts: ['a'], concepts: ['nobody'], strengths: [1] }, 404, /"nobody"/],
      ['/v1/steering/sweep', { prompts: ['a'], concepts: ['ocean'], strengths: ['1'] }, 400, /strengths\.0/],
    ] as const) {
      const { status, json } = await post(server, path, body);
      assert.equal(status, expected, JSON.stringify(json));
      assert.match((json as { error: { message: string } }).error.message, message);
    }
  });
});
