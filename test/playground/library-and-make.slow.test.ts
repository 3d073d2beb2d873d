/** Library and Make in a browser, with the embedded model: import, figures, delete with undo, and a fit to its end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { suiteServer } from '../e2e/running-server.js';
import { assertAccessible, openPage, phone, skipWithoutBrowser as skip } from '../helpers/page.js';

describe('the playground: library and make', { skip }, () => {
  const server = suiteServer();
  const at = (fragment: string) => `${server().url}/${fragment}`;
  const names = async () => {
    const reply = await fetch(`${server().url}/v1/concepts?limit=1000`);
    return ((await reply.json()) as { data: { name: string }[] }).data.map(({ name }) => name);
  };

  test('shipped concepts have figures; a file comes in, leaves, comes back by undo, and leaves for good', async (t) => {
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

    await own.click();
    await own.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await own.click();
    assert.ok((await names()).includes('brought-in'), 'nothing is deleted while it can be undone');
    // Leaving the page does not wait for the undo.
    await page.goto('about:blank');
    for (let i = 0; i < 50 && (await names()).includes('brought-in'); i++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(!(await names()).includes('brought-in'));
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
    await page.getByText('Row 6 is not a pair of two texts.').waitFor();
    await assertAccessible(page);
    // A fit without its calibration: what is tried here is the page.
    await page.route('**/v1/fits', (route) => {
      const body = { ...(route.request().postDataJSON() as object), calibrate: false };
      return route.continue({ postData: JSON.stringify(body) });
    });
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('snow: Done').waitFor({ timeout: 60_000 });
    await page.getByRole('link', { name: 'Try it in the chat' }).waitFor();
    await page.getByRole('img', { name: /By layer/ }).waitFor();
    assert.ok((await names()).includes('snow'));
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'fits a phone');
  });
});
