/** Streams that wait say something now and then, in the form of theirs that adds nothing. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { eventStream, lineStream } from '../../src/http/event-stream.js';
import { gate } from '../helpers/app.js';

/** What a stream has said after each of some times without a part. */
async function saidAfter(
  t: TestContext,
  times: readonly number[],
  stream: (parts: AsyncIterable<string>) => AsyncIterable<Buffer>,
): Promise<string[]> {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const part = gate();
  async function* parts() {
    await part.passed;
    yield 'part\n';
  }
  let said = '';
  const reading = (async () => {
    for await (const chunk of stream(parts())) said += String(chunk);
  })();
  const told: string[] = [];
  for (const time of times) {
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    t.mock.timers.tick(time);
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    told.push(said);
  }
  part.open();
  await reading;
  t.mock.timers.reset();
  return [...told, said];
}

test('events begin with a comment at once, and have one every 15 s', async (t) => {
  const told = await saidAfter(t, [49, 1, 14_999, 1], (parts) => eventStream(parts, String));
  assert.deepEqual(told, ['', ': \n\n', ': \n\n', ': \n\n: \n\n', ': \n\n: \n\npart\n']);
});

test('lines have one that adds nothing, every 15 s', async (t) => {
  const told = await saidAfter(t, [14_999, 1, 15_000], (parts) => lineStream(parts, () => '{}\n', String));
  assert.deepEqual(told, ['', '{}\n', '{}\n{}\n', '{}\n{}\npart\n']);
});
