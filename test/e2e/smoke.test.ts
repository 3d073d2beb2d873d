/** The whole way on the real server with the embedded model, once: what `npm test` has of the end-to-end tests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, post, startServerProcess, temporaryData } from './running-server.js';

const question = 'What did you see today?';
const concept = 'winter';
const longer = { max_tokens: 24 };

test('started, asked, fitted, steered, streamed and killed: started again, it steers as before', async (t) => {
  const data = await temporaryData();
  t.after(data.clean);
  let server = await startServerProcess(data.directory);
  t.after(() => server.kill());
  const plain = await answer(server, question, {}, longer);
  assert.notEqual(await answer(server, question, { concept: 'ocean' }, longer), plain);

  const asked = ['What do you like?', 'How was your day?', 'Describe a room.'];
  const { status, json } = await post(server, '/v1/fits', {
    name: concept,
    prefix: 'You are obsessed with winter, snow and ice.',
    recipe: 'responses',
    statements: { positive: asked, negative: asked },
    max_tokens: 12,
    calibrate: false,
  });
  assert.equal(status, 200, JSON.stringify(json));
  const { id } = json as { id: string };
  // The events end with the job.
  const events = await (await fetch(`${server.url}/v1/fits/${id}/events`)).text();
  assert.match(events, /"status":"succeeded"/);

  const steered = await answer(server, question, { concept }, longer);
  assert.notEqual(steered, plain);
  assert.equal(await answer(server, question, { concept, strength: 0 }, longer), plain);
  const streamed = await server.client.chat.completions.create({
    model: 'smollm2-135m-instruct',
    messages: [{ role: 'user', content: question }],
    temperature: 0,
    stream: true,
    ...longer,
    ...{ concept },
  });
  let text = '';
  for await (const { choices } of streamed) text += choices[0]?.delta.content ?? '';
  assert.equal(text, steered);

  await server.kill();
  server = await startServerProcess(data.directory);
  assert.equal(await answer(server, question, { concept }, longer), steered);
  assert.equal(await server.stop(), 0);
});
