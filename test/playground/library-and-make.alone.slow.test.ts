/** Library and Make in a browser, with the embedded model: import, figures, delete with undo, and a fit to its end. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { post, suiteServer } from '../e2e/running-server.js';
import { build, fakeConcept } from '../helpers/app.js';
import { listen } from '../helpers/http.js';
import { assertAccessible, openPage, phone, skipWithoutBrowser as skip, textOf } from '../helpers/page.js';

describe('the playground: library and make', { skip }, () => {
  const server = suiteServer();
  const at = (fragment: string) => `${server().url}/${fragment}`;
  const names = async () => {
    const reply = await fetch(`${server().url}/v1/concepts?limit=1000`);
    return ((await reply.json()) as { data: { name: string }[] }).data.map(({ name }) => name);
  };

  test('shipped concepts have figures; a file comes in, goes out, is renamed, deleted, and comes back by undo', async (t) => {
    const page = await openPage(t, at('#/library'));
    const cards = page.getByRole('list', { name: 'Concepts' }).getByRole('listitem');
    await cards.first().waitFor();
    assert.equal(await cards.count(), (await names()).length);
    await page.getByLabel('Search by name or message').fill('egypt');
    await page.getByRole('button', { name: 'Figures of egypt' }).click();
    await page.getByRole('img', { name: /Concept, fluency/ }).waitFor();
    await page.getByRole('img', { name: /By layer/ }).waitFor();
    await assertAccessible(page);
    await page.keyboard.press('Escape');

    const vectors = await fetch(`${server().url}/v1/concepts/egypt/vectors?format=safetensors`);
    await page.getByLabel('Search by name or message').fill('');
    await page.getByRole('button', { name: 'Import a file' }).click();
    await page.getByLabel(/^File/).setInputFiles({
      name: 'brought in.safetensors',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(await vectors.arrayBuffer()),
    });
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    const own = page.getByRole('button', { name: 'Delete brought-in' });
    await own.waitFor();
    assert.ok((await names()).includes('brought-in'));

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      (async () => {
        await page.getByRole('button', { name: 'Export brought-in' }).click();
        await page.getByLabel(/^GGUF/).check();
        await assertAccessible(page);
        await page.getByRole('button', { name: 'Save the file' }).click();
      })(),
    ]);
    assert.equal(download.suggestedFilename(), 'brought-in.gguf');
    assert.equal(
      readFileSync(await download.path())
        .subarray(0, 4)
        .toString(),
      'GGUF',
    );

    await page.getByRole('button', { name: 'Rename brought-in' }).click();
    await page.getByLabel('New name').fill('egypt again');
    await page.keyboard.press('Enter');
    const renamed = page.getByRole('button', { name: 'Delete egypt again' });
    await renamed.waitFor();
    assert.ok(!(await names()).includes('brought-in'));
    const version = async () =>
      (await (await fetch(`${server().url}/v1/concepts/egypt%20again`)).json()) as { version?: string };
    const before = await version();
    await renamed.click();
    await renamed.waitFor({ state: 'detached' });
    assert.ok(!(await names()).includes('egypt again'));
    await page.getByRole('button', { name: 'Undo' }).press('Enter');
    await renamed.waitFor();
    assert.equal((await version()).version, before.version);

    await page.getByRole('tab', { name: 'Similarity' }).click();
    await page.getByRole('img', { name: /^Heat map/ }).waitFor();
    assert.match(await textOf(page.locator('.similarity li').first()), /^1\.00 egypt and egypt again$/);
    await assertAccessible(page);
  });

  test('5,000 concepts scroll, are found and say where they stand', async (t) => {
    const { app, engine, services } = await build(t);
    for (let i = 0; i < 5000; i++)
      await services.concepts.put(fakeConcept(engine, `concept ${String(i).padStart(4, '0')}`));
    const page = await openPage(t, `${await listen(app)}/#/library`);
    const cards = page.getByRole('list', { name: 'Concepts' }).getByRole('listitem');
    await cards.first().waitFor();
    assert.ok((await cards.count()) < 100, 'only those near the window are there');
    assert.equal(await cards.first().getAttribute('aria-setsize'), '5002');
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
    await page.getByRole('heading', { name: 'pirate' }).waitFor();
    assert.equal(await page.locator('[aria-posinset="5002"]').count(), 1);
    await page.evaluate('scrollTo(0, document.documentElement.scrollHeight / 2)');
    await page.getByRole('heading', { name: 'concept 2500' }).waitFor();
    const frames = (await page.evaluate(`new Promise((done) => {
      const longest = [];
      let last = performance.now();
      const step = (now) => {
        longest.push(now - last);
        last = now;
        scrollBy(0, 400);
        if (longest.length < 60) requestAnimationFrame(step); else done(longest);
      };
      requestAnimationFrame(step);
    })`)) as number[];
    frames.sort((a, b) => a - b);
    assert.ok((frames[30] ?? 0) < 100, `half of the frames while scrolling took less than ${frames[30]} ms`);
    await page.getByLabel('Search by name or message').fill('concept 49');
    await page.getByRole('heading', { name: 'concept 4900' }).waitFor();
    assert.equal(await cards.first().getAttribute('aria-setsize'), '100');
    await page.getByRole('button', { name: 'Figures of concept 4900' }).press('Enter');
    await page.getByText(/not calibrated/).waitFor();
    await assertAccessible(page);
  });

  test('pairs become a concept, followed to the end; what is wrong is told where it is', async (t) => {
    const page = await openPage(t, at('#/make'), { viewport: phone });
    await page.getByLabel('Name').fill('snow');
    await page.getByRole('tab', { name: 'Pairs of texts' }).click();
    const pairs = ['snow', 'frost', 'ice', 'hail'].map(
      (what) =>
        `"The ${what} lay on every roof, cold and white.","The bread lay on every table, warm and round."`,
    );
    await page.getByLabel(/^One pair a line/).fill(['positive,negative', ...pairs, 'alone'].join('\n'));
    await page.getByText('4 pairs').waitFor();
    await page.getByText('Line 6 is not a pair of two texts.').waitFor();
    await assertAccessible(page);
    await page.getByText('How it is made').click();
    await page.getByLabel(/^Measure what strength 1 means/).uncheck();
    await assertAccessible(page);
    // Events that break off are no end of the fit.
    await page.route('**/events', (route) => route.fulfill({ contentType: 'text/event-stream', body: '' }), {
      times: 1,
    });
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('snow: Done').waitFor({ timeout: 60_000 });
    await page.getByRole('link', { name: 'Try it in the chat' }).waitFor();
    await page.getByRole('img', { name: /By layer/ }).waitFor();
    assert.ok((await names()).includes('snow'));
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'fits a phone');
  });

  test('a fit that runs is followed by a page that comes later, and stopped; a file is a way to make one too', async (t) => {
    const page = await openPage(t, at('#/chat'), { colorScheme: 'dark' });
    const { status } = await post(server(), '/v1/fits', {
      name: 'tea',
      recipe: 'attention',
      prefix: 'You are obsessed with tea.',
      calibrate: false,
    });
    assert.equal(status, 200);
    await page.getByRole('link', { name: 'Make' }).click();
    await page.getByRole('list', { name: 'Stages' }).getByText('Looking where it attends').waitFor();
    assert.match(await textOf(page.locator('.stage-current .hint')), /^\d+ of 200/);
    await assertAccessible(page);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('tea: Stopped').waitFor();
    assert.ok(!(await names()).includes('tea'));

    const vectors = await fetch(`${server().url}/v1/concepts/ocean/vectors?format=gguf`);
    await page.getByRole('tab', { name: 'A file' }).click();
    await page.getByLabel(/^File/).setInputFiles({
      name: 'sea.gguf',
      mimeType: 'application/octet-stream',
      buffer: Buffer.from(await vectors.arrayBuffer()),
    });
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await page.getByRole('heading', { name: 'sea', exact: true }).waitFor();
    await page.getByRole('list').filter({ hasText: 'ocean' }).first().waitFor();
  });

  test('where a fit attended is shown as a map, and samples are written on request', async (t) => {
    const statements = (words: readonly string[]) => words.map((word) => `I like ${word} best.`);
    const { json } = await post(server(), '/v1/fits?wait=true', {
      name: 'attentive',
      recipe: 'attention',
      method: 'mean_difference',
      prefix: 'You are obsessed with tea.',
      statements: {
        positive: statements(['tea', 'cups', 'kettles', 'leaves']),
        negative: statements(['cars', 'walls', 'shoes', 'lamps']),
      },
      calibrate: false,
    });
    assert.equal((json as { status: string }).status, 'succeeded', JSON.stringify(json).slice(0, 500));
    const page = await openPage(t, at('#/library'), { viewport: phone });
    await page.getByRole('button', { name: 'Figures of attentive' }).click();
    const map = page.getByRole('img', { name: /^Attention.*30 layers by \d+ tokens/ });
    await map.waitFor();
    const chosen = map.locator('rect[stroke], [stroke] > rect');
    assert.equal(await chosen.count(), 30, 'a token of each layer is marked');
    await page.getByRole('button', { name: /^Write them at 0, 0.5, 1$/ }).click();
    await page.locator('.sample').nth(2).waitFor();
    await assertAccessible(page);
  });
});
