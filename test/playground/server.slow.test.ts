/** The server's own view in a browser: load, models that come and go, an import to its end, and refusals. */
import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { tinyChatModel } from '../commands/tiny-chat-model.js';
import { startTiny } from '../e2e/tiny-server.js';
import { assertAccessible, openPage, phone, skipWithoutBrowser as skip, textOf } from '../helpers/page.js';

test('models are unloaded and loaded, a checkpoint becomes one, and what is refused says why', {
  skip,
}, async (t) => {
  const server = await startTiny(t);
  await copyFile(
    join(packageRoot, 'test/fixtures/checkpoints/llama-q8_0.gguf'),
    join(server.modelsDirectory, 'other.gguf'),
  );
  const page = await openPage(t, `${server.url}/#/server`, { viewport: phone, colorScheme: 'dark' });
  const state = page.locator('.model-card', { hasText: tinyChatModel }).locator('.chip');
  const button = (what: string) =>
    page.getByRole('button', { name: `${what} ${tinyChatModel}`, exact: true });
  await button('Unload').press('Enter');
  await button('Load').waitFor();
  assert.equal(await textOf(state), 'not loaded');
  await button('Load').press('Enter');
  await button('Unload').waitFor();
  assert.equal(await textOf(state), 'ready');
  await page.getByText(/^\d+ of \d+$/).waitFor();
  assert.match(await textOf(page.locator('.tile', { hasText: 'Memory' })), /\d MB.*of [\d.]+ [GT]B/);

  await page.getByRole('tab', { name: 'From a hub' }).focus();
  await page.keyboard.press('ArrowRight');
  const path = page.getByLabel(/^Path under/);
  await path.fill('none.gguf');
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByText(/no such file/).waitFor();
  await path.fill('other.gguf');
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByRole('heading', { name: /is there$/ }).waitFor();
  await page.getByRole('button', { name: 'Load other' }).waitFor();
  await assertAccessible(page);
  assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'fits a phone');
});

test('what the API refuses at once is told where it was asked for', { skip }, async (t) => {
  const server = await startTiny(t);
  const page = await openPage(t, `${server.url}/#/server`, { complains: true });
  await page.getByLabel('Model on the hub').fill('not a repository');
  await page.getByRole('button', { name: 'Pull' }).click();
  assert.match(await textOf(page.getByRole('alert')), /model must be/);
});
