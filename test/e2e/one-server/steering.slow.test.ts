/** Steering as a user sees it: real model, real server, the official OpenAI client. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { answer, suiteServer } from '../running-server.js';

const concepts = ['ocean', 'pirate', 'sad', 'space'];

describe('steered completions', () => {
  const running = suiteServer();

  test('strength 0 gives the baseline exactly, greedy and sampled with the same seed', async () => {
    const server = running();
    for (const more of [{}, { temperature: 0.9, seed: 42 }]) {
      const plain = await answer(server, 'How was your weekend?', {}, more);
      assert.equal(
        await answer(server, 'How was your weekend?', { concept: 'ocean', strength: 0 }, more),
        plain,
      );
      assert.notEqual(
        await answer(server, 'How was your weekend?', { concept: 'ocean', strength: 1 }, more),
        plain,
      );
    }
  });

  test('the three ways to ask for a concept are equal', async () => {
    const server = running();
    const question = 'Describe a street.';
    const expected = await answer(server, question, { concept: 'pirate', strength: 0.8 });
    const item = { concept: 'pirate', strength: 0.8 };
    assert.equal(await answer(server, question, { steering: item }), expected);
    assert.equal(await answer(server, question, { steering: [item] }), expected);
  });

  test('several concepts steer together, in any order', async () => {
    const server = running();
    const question = 'What did you do this weekend?';
    const items = [
      { concept: 'ocean', strength: 0.5 },
      { concept: 'sad', strength: 0.4, layers: { from: 8, to: 24 }, positions: 'generated' },
      { concept: 'pirate', operation: 'ablate', scale: 'raw', positions: { last: 5 } },
    ];
    const together = await answer(server, question, { steering: items });
    assert.equal(await answer(server, question, { steering: [...items].reverse() }), together);
    for (const left of items)
      assert.notEqual(
        await answer(server, question, { steering: items.filter((item) => item !== left) }),
        together,
        `without ${left.concept}`,
      );
  });

  test('eight streams with eight different steerings give what each gives alone', async () => {
    const server = running();
    const cases = Array.from({ length: 8 }, (_, i) => ({
      question: ['Tell me about your morning.', 'What is a good meal?', 'Describe a house.'][i % 3] ?? '',
      steering: i === 0 ? {} : { concept: concepts[i % 4] ?? '', strength: 0.4 + 0.1 * i },
    }));
    const together = await Promise.all(
      cases.map(({ question, steering }) => answer(server, question, steering)),
    );
    for (const [i, { question, steering }] of cases.entries())
      assert.equal(await answer(server, question, steering), together[i], `stream ${i}`);
    assert.equal(new Set(together).size, 8);
  });

  test('the reply says what was done', async () => {
    const server = running();
    const body = {
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user' as const, content: 'Hello' }],
      max_tokens: 4,
      concept: 'ocean',
      receipt: 'full',
    };
    const reply = await server.client.chat.completions.create(body);
    const { steering } = reply as unknown as {
      steering: { concept: string; strength: number; version: string; coefficients: number[] }[];
    };
    const [receipt] = steering;
    assert.equal(receipt?.concept, 'ocean');
    assert.equal(receipt?.strength, 1);
    assert.match(receipt?.version ?? '', /^[0-9a-f]{64}$/);
    assert.ok(receipt?.coefficients.every((coefficient) => coefficient > 0));
  });

  test('a stream says the same as a plain answer, and carries no half characters', async () => {
    const server = running();
    const question = 'Write a line with emojis 🙂 and 日本語.';
    const steering = { concept: 'ocean', strength: 0.7 };
    const plain = await answer(server, question, steering, { max_tokens: 48 });
    const body = {
      model: 'smollm2-135m-instruct',
      messages: [{ role: 'user' as const, content: question }],
      temperature: 0,
      max_tokens: 48,
      stream: true as const,
      stream_options: { include_usage: true },
      ...steering,
    };
    let text = '';
    let tokens = 0;
    for await (const chunk of await server.client.chat.completions.create(body)) {
      const delta = chunk.choices[0]?.delta.content ?? '';
      assert.ok(!delta.includes('�'), `half a character in ${JSON.stringify(delta)}`);
      text += delta;
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
    assert.equal(text, plain);
    assert.ok(tokens > 0);
  });
});
