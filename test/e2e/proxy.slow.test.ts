/** nginx in front, with the configuration that Debian's package comes with and a `proxy_pass`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { build, gate, until } from '../helpers/app.js';
import { browse, noBrowser } from '../helpers/browser.js';
import { listen, open } from '../helpers/http.js';
import { noNginx, proxied } from '../helpers/nginx.js';

const body = { messages: [{ role: 'user', content: 'Hi' }], concept: 'pirate', stream: true };
const skip = noNginx ?? false;

test('a steered stream arrives token by token', { skip }, async (t) => {
  const gates = [gate(), gate(), gate()];
  const { app } = await build(t, {
    answer: () => 'abcd',
    pace: async (step) => gates[step - 1]?.passed,
  });
  const url = await proxied(t, await listen(app), '/llm/');
  const reply = await open(`${url}v1/chat/completions`, body);
  for (const [i, letter] of ['a', 'b', 'c'].entries()) {
    await until(() => reply.text().includes(`"content":"${letter}"`));
    assert.ok(!reply.text().includes(`"content":"${'bcd'[i]}"`), 'what comes later is not there yet');
    gates[i]?.open();
  }
  assert.match(await reply.ended, /"steering":\[\{"concept":"pirate"[\s\S]*\[DONE\]/);
});

test('a stream that waits 90 s for its first token survives, where nginx gives up after 60', {
  skip,
  timeout: 150_000,
}, async (t) => {
  const first = gate();
  const { app } = await build(t, { answer: () => 'ab', pace: async (step) => step === 0 && first.passed });
  const url = await proxied(t, await listen(app), '/llm/');
  setTimeout(first.open, 90_000);
  const reply = await open(`${url}v1/chat/completions`, body);
  const text = await reply.ended;
  assert.equal(reply.response.statusCode, 200);
  assert.ok(text.split('\n').filter((line) => line.startsWith(':')).length >= 4, text);
  assert.match(text, /"content":"a"[\s\S]*\[DONE\]/);
});

test('the page under /llm/ works in a browser, and asks under /llm/ too', {
  skip: skip || (noBrowser ?? false),
}, async (t) => {
  const { app } = await build(t);
  const url = new URL(await proxied(t, await listen(app), '/llm/'));
  const at = (path: string) => ({ url: `/llm/${path}` });
  const seen = await browse({
    host: '127.0.0.1',
    rebindTo: Number(url.port),
    requests: [
      at(''),
      at('docs'),
      at('docs/static/swagger-ui.css'),
      at('docs/json'),
      {
        ...at('v1/chat/completions'),
        options: {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        },
      },
    ],
  });
  assert.deepEqual(seen, [200, 200, 200, 200, 200]);
  const page = await fetch(new URL('docs', url));
  assert.equal(new URL(page.url).pathname, '/llm/docs/');
  const html = await page.text();
  for (const [, file = ''] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
    assert.equal((await fetch(new URL(file, page.url))).status, 200, file);
  }
  const { servers } = (await (await fetch(new URL('json', page.url))).json()) as {
    servers: { url: string }[];
  };
  assert.equal(new URL(servers[0]?.url ?? '', new URL('json', page.url)).pathname, '/llm/');
});
