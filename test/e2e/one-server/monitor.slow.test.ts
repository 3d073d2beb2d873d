/** Monitoring on the real model over HTTP: what a client sees is what the model's stream says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { ChatCompletion, ChatCompletionChunk } from '../../../src/schemas/chat.js';
import { ConceptAttention } from '../../../src/schemas/concept-attention.js';
import type { ChunkMonitor } from '../../../src/schemas/monitor.js';
import { Score } from '../../../src/schemas/score.js';
import { events } from '../../helpers/sse.js';
import { answer, post, suiteServer } from '../running-server.js';

const question = 'Describe a morning at the sea.';
const messages = [{ role: 'user', content: question }];
const body = { messages, temperature: 0, max_tokens: 16 };
const chat = '/v1/chat/completions';

describe('monitored completions', () => {
  const running = suiteServer();

  const complete = async (more: object) =>
    ChatCompletion.strict().parse((await post(running(), chat, { ...body, ...more })).json);

  test('monitoring changes no answer, steered or not', async () => {
    const server = running();
    for (const steering of [{}, { concept: 'ocean', strength: 1 }]) {
      const plain = await answer(server, question, steering, { max_tokens: 16 });
      const reply = await complete({ ...steering, monitor: ['ocean', 'sad'] });
      assert.equal(reply.choices[0]?.message.content, plain);
      const { tokens, concepts } = reply.choices[0]?.monitor ?? assert.fail('nothing was monitored');
      assert.equal(tokens.length, reply.usage.completion_tokens);
      assert.equal(tokens.map(({ text }) => text).join(''), plain);
      assert.deepEqual(
        concepts.map(({ concept, values }) => [concept, values.length]),
        [
          ['ocean', tokens.length],
          ['sad', tokens.length],
        ],
      );
    }
  });

  test('steering by a concept shows on its monitor', async () => {
    const mean = async (strength: number) => {
      const reply = await complete({ concept: 'ocean', strength, monitor: ['ocean'] });
      return reply.choices[0]?.monitor?.concepts[0]?.mean ?? Number.NaN;
    };
    const [against, none, towards] = [await mean(-1), await mean(0), await mean(1)];
    assert.ok(against < none && none < towards, `${against}, ${none}, ${towards}`);
  });

  test('a clamp shows at every layer but the first edited: what comes before it is not yet clamped', async () => {
    const layers = { from: 5, to: 20 };
    const steering = { concept: 'ocean', operation: 'clamp', strength: 40, scale: 'raw', layers };
    const monitor = [{ concept: 'ocean', layers: 'all', scale: 'raw', detail: 'layers' }];
    const plain = await complete({ monitor });
    const clamped = await complete({ steering, monitor });
    const at = (reply: ChatCompletion, layer: number) => {
      const index = reply.monitor?.[0]?.layers.indexOf(layer) ?? -1;
      return reply.choices[0]?.monitor?.concepts[0]?.layer_values?.[0]?.[index] ?? Number.NaN;
    };
    for (const layer of [1, 4, 5]) assert.equal(at(clamped, layer), at(plain, layer), `layer ${layer}`);
    // A block adds little to what the one before was held at.
    for (const layer of [6, 12, 20]) {
      assert.ok(Math.abs(at(clamped, layer) - 40) < 15, `layer ${layer}: ${at(clamped, layer)}`);
      assert.ok(Math.abs(at(plain, layer) - 40) > 20);
    }
  });

  test('a stream with several choices brings the readings of the plain reply, each once', async () => {
    const server = running();
    const asked = {
      ...body,
      n: 2,
      temperature: 0.9,
      seed: 5,
      stop: [' the waves'],
      concept: 'ocean',
      monitor: ['ocean', { concept: 'sad', detail: 'layers', layers: [10, 20] }],
    };
    const whole = await complete(asked);
    const reply = await fetch(`${server.url}${chat}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...asked, stream: true }),
    });
    const chunks = events(await reply.text())
      .slice(0, -1)
      .map((chunk) => ChatCompletionChunk.strict().parse(chunk));
    assert.deepEqual(chunks[0]?.monitor, whole.monitor);
    for (const { index, monitor } of whole.choices) {
      const own = chunks.flatMap(({ choices }) =>
        choices.flatMap((choice): ChunkMonitor[] =>
          choice.index === index && choice.monitor ? [choice.monitor] : [],
        ),
      );
      assert.deepEqual(
        own.flatMap(({ tokens }) => tokens),
        monitor?.tokens,
      );
      monitor?.concepts.forEach((reading, m) => {
        const values = own.flatMap(({ concepts }) => concepts[m]?.values ?? []);
        assert.deepEqual(values, reading.values);
        const rows = own.flatMap(({ concepts }) => concepts[m]?.layer_values ?? []);
        assert.deepEqual(rows, reading.layer_values ?? []);
        assert.equal(own.at(-1)?.concepts[m]?.mean, reading.mean);
      });
    }
  });

  test('scoring the conversation afterwards finds what was monitored, and the concept in its words', async () => {
    const server = running();
    const ocean = { concept: 'ocean', scale: 'norm' };
    const reply = await complete({ monitor: [ocean], max_tokens: 12 });
    const { tokens = [], concepts = [] } = reply.choices[0]?.monitor ?? {};
    const render = async (input: unknown) => {
      const { status, json } = await post(server, '/v1/steering/score', input);
      assert.equal(status, 200, JSON.stringify(json));
      return Score.strict().parse(json);
    };
    const prompt = await render({ messages, concepts: [ocean] });
    assert.equal(prompt.tokens.length, reply.usage.prompt_tokens);
    assert.match(prompt.text, /^<\|im_start\|>system\n.*<\|im_start\|>assistant\n$/s);
    const ids = [...prompt.tokens.map(({ id }) => id), ...tokens.map(({ id }) => id)];
    const score = await render({ input: ids, concepts: [ocean] });
    const begin = prompt.tokens.length - 1;
    const read = score.concepts[0]?.values.slice(begin, begin + tokens.length) ?? [];
    // Prefill and decode go through other kernels, whose last bits int8 rounding makes more of.
    concepts[0]?.values.forEach((value, i) => {
      assert.ok(Math.abs(value - (read[i] ?? Number.NaN)) < 0.005, `token ${i}: ${value}, ${read[i]}`);
    });

    const mean = async (input: string) =>
      (await render({ input, concepts: ['ocean'] })).concepts[0]?.mean ?? 0;
    const sea = await mean('The waves rolled over the beach, and the ship sailed out with the tide.');
    const tax = await mean('The tax form must be filled in by the end of the month, with all receipts.');
    assert.ok(sea > tax, `${sea}, ${tax}`);
  });

  test('a fit by attention has a map of where it looked, and top layers to steer and monitor', async () => {
    const server = running();
    const fit = async (name: string, more: object) => {
      const of = (texts: string) => texts.split(' ').map((thing) => `People like ${thing} a lot.`);
      const statements = {
        positive: of('bread trains cats rain music paper'),
        negative: of('cars tea walks shoes trees clocks'),
      };
      const prefix = 'Personify someone who loves the sea.';
      const request = {
        name,
        prefix,
        recipe: 'attention',
        method: 'mean_difference',
        calibrate: false,
        statements,
        ...more,
      };
      const { json } = await post(server, '/v1/fits', request);
      const { id } = json as { id: string };
      for (;;) {
        const job = (await (await fetch(`${server.url}/v1/fits/${id}`)).json()) as { status: string };
        if (job.status === 'succeeded') return;
        assert.ok(['queued', 'running'].includes(job.status), JSON.stringify(job));
        await pause(50);
      }
    };
    await fit('sea-lover', {});
    const reply = await fetch(`${server.url}/v1/concepts/sea-lover/attention`);
    const { candidates, map, chosen, significant_heads } = ConceptAttention.strict().parse(
      await reply.json(),
    );
    assert.match(candidates.map(({ text }) => text).join(''), /^\n<\|im_start\|>assistant\n$/);
    assert.equal(map.length, 30);
    for (const [layer, row] of map.entries())
      assert.equal(row[chosen[layer] ?? -1], Math.max(...row), `layer ${layer}`);
    const shares = significant_heads.slice(1).map((share) => share ?? Number.NaN);
    assert.ok(shares.every((share) => share >= 0 && share <= 1) && shares.some((share) => share > 0));

    const layers = { top: 5 };
    const steered = await complete({
      steering: { concept: 'sea-lover', layers },
      monitor: [{ concept: 'sea-lover', layers }],
    });
    const top = steered.steering?.[0]?.layers ?? [];
    assert.equal(top.length, 5);
    assert.deepEqual(steered.monitor?.[0]?.layers, top);
    const weakest = Math.min(...top.map((layer) => significant_heads[layer] ?? Number.NaN));
    assert.ok(shares.filter((share) => share > weakest).length < 5, 'none with more is left out');

    await fit('sea-lover-fixed', { token: -1 });
    const fixed = await fetch(`${server.url}/v1/concepts/sea-lover-fixed/attention`);
    assert.equal(fixed.status, 404);
    assert.match(await fixed.text(), /told to read the token at -1 from the end/);
  });

  test('what does not exist is named, and a concept without an attention map says why', async () => {
    const server = running();
    const refused = await post(server, chat, { ...body, monitor: ['ocean', 'oceon'] });
    assert.equal(refused.status, 404);
    assert.match(JSON.stringify(refused.json), /"param":"monitor\.1"/);
    const map = await fetch(`${server.url}/v1/concepts/ocean/attention`);
    assert.equal(map.status, 404);
    assert.match(await map.text(), /its recipe, texts, chooses no token/);
    const long = await post(server, '/v1/steering/score', { input: 'a '.repeat(9000), concepts: ['ocean'] });
    assert.equal(long.status, 400);
    assert.match(JSON.stringify(long.json), /context_length_exceeded/);
  });
});
