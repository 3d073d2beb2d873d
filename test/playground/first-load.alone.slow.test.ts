/** What the page is as a page: small, its own, silent, under any path, with a key where one is needed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildWithKeys } from '../access/keys.js';
import { build, fakeConcept } from '../helpers/app.js';
import { listen } from '../helpers/http.js';
import { noNginx, proxied } from '../helpers/nginx.js';
import { assertAccessible, openPage, skipWithoutBrowser as skip, textOf } from '../helpers/page.js';

/** Bytes of a first visit, compressed. */
const mostBytes = 350_000;

test('the first load is small, can be used at once and is kept', { skip }, async (t) => {
  const { app } = await build(t);
  const url = await listen(app);
  const page = await openPage(t, `${url}/`);
  const sizes = (await page.evaluate(`['resource', 'navigation'].flatMap((type) =>
    performance.getEntriesByType(type).map(({ name, transferSize }) => ({ name, size: transferSize })))`)) as {
    name: string;
    size: number;
  }[];
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  assert.ok(total > 10_000 && total < mostBytes, `${total} bytes: ${JSON.stringify(sizes)}`);
  await assertAccessible(page);

  const first = await app.inject({ url: '/', headers: { 'accept-encoding': 'br' } });
  assert.equal(first.headers['content-encoding'], 'br');
  assert.equal(first.headers['cache-control'], 'public, max-age=0');
  const again = await app.inject({
    url: '/',
    headers: { 'accept-encoding': 'br', 'if-none-match': String(first.headers.etag) },
  });
  assert.equal(again.statusCode, 304);
  const script = page.asked.find((one) => one.endsWith('.js')) ?? '';
  const kept = await app.inject({ url: new URL(script).pathname, headers: { 'accept-encoding': 'gzip' } });
  assert.equal(kept.headers['content-encoding'], 'gzip');
  assert.match(String(kept.headers['cache-control']), /immutable/);
});

test('it can be used within a second', { skip }, async (t) => {
  const { app } = await build(t);
  const url = await listen(app);
  // Whatever else runs makes it slower, never faster: the best of three, each with that taken off.
  const shown: number[] = [];
  for (let i = 0; i < 3 && Math.min(1000, ...shown) === 1000; i++) {
    const others = slowdown();
    const page = await openPage(t, `${url}/`);
    await page.getByLabel('Your message').fill('Hi');
    const painted = await page.evaluate<number>(`new Promise((done) =>
      new PerformanceObserver((list) => done(list.getEntries()[0].startTime)).observe({
        type: 'largest-contentful-paint',
        buffered: true,
      }))`);
    shown.push(painted / others);
  }
  assert.ok(Math.min(...shown) < 1000, `ms until the view is there: ${shown}`);
});

test('it works behind a proxy that gives it a path of its own', {
  skip: skip || (noNginx ?? false),
}, async (t) => {
  const { app } = await build(t);
  const url = await proxied(t, await listen(app), '/some/where/');
  const page = await openPage(t, url);
  await page.getByLabel('Your message').fill('Hi');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Again', exact: true }).waitFor();
  assert.equal(await textOf(page.locator('.answer-text')), 'Hello there.');
  for (const one of page.asked) assert.ok(one.startsWith(url) || one.startsWith('data:'), one);
  await page.getByRole('button', { name: 'As code' }).click();
  assert.match(await textOf(page.locator('dialog pre')), new RegExp(`curl -s '${url}v1/chat/completions'`));
});

test('a key is asked for once, where one is needed, and forgotten with the page', { skip }, async (t) => {
  const built = await buildWithKeys(t, [{}]);
  const url = await listen(built.app);
  const page = await openPage(t, `${url}/`, { complains: true });
  await assertAccessible(page);
  await page.getByLabel('API key').fill('wrong');
  await page.getByRole('button', { name: 'Use this key' }).click();
  await page.getByLabel('API key').fill(built.secrets[0] ?? '');
  await page.getByRole('button', { name: 'Use this key' }).click();
  await page.locator('.model-name').waitFor();
  await page.getByLabel('Your message').fill('Hi');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Again', exact: true }).waitFor();
  assert.equal(await page.locator('dialog').count(), 0);
  const kept = await page.evaluate<string>(
    'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])',
  );
  assert.ok(!kept.includes(built.secrets[0] ?? '-'), kept);
  await page.reload();
  await page.getByLabel('API key').waitFor();
});

test('4,000 streamed tokens with three monitors leave no task above 100 ms', { skip }, async (t) => {
  const text = `${'Lorem ipsum dolor sit amet, consetetur. '.repeat(5).slice(0, -2)}\n\n`.repeat(20);
  const { app, engine, services } = await build(t, { capacity: 8192, answer: () => text });
  await services.concepts.put(fakeConcept(engine, 'sad'));
  const url = await listen(app);
  const fragment = '#/chat?concept=pirate:1&watch=ocean&watch=sad&tokens=5000';
  // What else runs on the machine makes tasks longer, never shorter: the best of three, each with that taken off.
  const longest: number[] = [];
  for (let i = 0; i < 3 && (longest.length === 0 || Math.min(...longest) > 100); i++) {
    const others = slowdown();
    const page = await openPage(t, `${url}/${fragment}`);
    await page.evaluate(`window.tasks = [];
      new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: 'longtask',
      });`);
    await page.getByLabel('Your message').fill('Hi');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Again', exact: true }).waitFor();
    await page.locator('.answer-steered .token').nth(3999).waitFor({ state: 'attached' });
    const tasks = (await page.evaluate('tasks')) as number[];
    longest.push(Math.max(0, ...tasks) / others);
  }
  assert.ok(Math.min(...longest) <= 100, `longest tasks of each try, ms: ${longest}`);
});

/** How much longer things take than they should, because other programs have the processors. */
function slowdown(): number {
  const before = process.cpuUsage();
  const begun = performance.now();
  while (performance.now() - begun < 200);
  const { user, system } = process.cpuUsage(before);
  return Math.max(1, 200_000 / (user + system));
}
