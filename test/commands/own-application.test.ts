/** The application inside a command's process: whoever stops asking is gone at once, and nothing goes on for nobody. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { ownApplication } from '../../src/commands/own-application.js';
import { readSettings } from '../../src/config.js';
import { temporaryFolder, tinyChatModel, tinyModels } from './tiny-chat-model.js';

const settingsIn = async (t: TestContext) =>
  readSettings(
    {
      STEERD_MODEL: tinyChatModel,
      STEERD_MODELS_DIR: await tinyModels(t),
      STEERD_DATA_DIR: await temporaryFolder(t),
      STEERD_CACHE_DIR: 'none',
      STEERD_THREADS: '1',
    },
    {},
  );

test('an answer that is stopped ends with the reason, and closing waits for none', async (t) => {
  const settings = await settingsIn(t);
  const { send, close } = await ownApplication(settings, 'model');
  const body = {
    messages: [{ role: 'user', content: 'Hi' }],
    max_tokens: 200,
    ignore_eos: true,
    logprobs: true,
    top_logprobs: 20,
  };
  const ask = (stream: boolean, signal: AbortSignal) =>
    send('/v1/chat/completions', { method: 'POST', body: { ...body, stream } }, signal);
  const load = async () => {
    const { body: text } = await send('/load', {}, new AbortController().signal);
    let json = '';
    for await (const chunk of text) json += Buffer.from(chunk).toString();
    return (JSON.parse(json) as { server_load: number }).server_load;
  };
  const why = new Error('stopped');
  for (const stream of [true, false]) {
    const stopping = new AbortController();
    const reply = await (stream
      ? ask(true, stopping.signal)
      : Promise.all([ask(false, stopping.signal), stopping.abort(why)]).then(([one]) => one)
    ).catch((error: unknown) => {
      assert.equal(error, why);
      return null;
    });
    const read = async () => {
      for await (const _ of reply?.body ?? []) stopping.abort(why);
    };
    if (stream) await assert.rejects(read(), (error) => error === why);
    while ((await load()) > 0) await new Promise((done) => setTimeout(done, 5));
  }
  // Nobody reads it: its server is not waited for.
  await ask(true, new AbortController().signal);
  await close();
});

test('several changes at once are one holder of the data directory, and those of another holder are refused', async (t) => {
  const settings = await settingsIn(t);
  const [own, other] = await Promise.all([
    ownApplication(settings, 'nothing'),
    ownApplication(settings, 'nothing'),
  ]);
  const { signal } = new AbortController();
  const remove = ({ send }: typeof own) =>
    Promise.allSettled(
      ['a', 'b', 'c'].map((name) =>
        send(`/v1/concepts/${name}?model=${tinyChatModel}`, { method: 'DELETE' }, signal),
      ),
    );
  const statuses = (asked: Awaited<ReturnType<typeof remove>>) =>
    asked.map((one) => (one.status === 'fulfilled' ? one.value.status : 'refused'));
  assert.deepEqual(statuses(await remove(own)), [404, 404, 404]);
  assert.deepEqual(statuses(await remove(other)), ['refused', 'refused', 'refused']);
  await own.close();
  // The holder is gone: what was refused before is asked again.
  assert.deepEqual(statuses(await remove(other)), [404, 404, 404]);
  await other.close();
  assert.ok(!(await readdir(settings.dataDirectory)).includes('server.lock'));
});
