/** The server's own view in a browser: load, models that come and go, an import to its end, and refusals. */
import assert from 'node:assert/strict';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { addKey } from '../../src/access/key-store.js';
import { packageRoot } from '../../src/common/package.js';
import { tinyChatModel } from '../commands/tiny-chat-model.js';
import { temporaryFolder } from '../concepts/sample.js';
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

test('an admin makes a key, copies its secret once, and revokes it; the page changes to it', {
  skip,
}, async (t) => {
  const folder = await temporaryFolder(t);
  const { secret } = await addKey(folder, { name: 'boss', scopes: ['admin'] });
  const server = await startTiny(t, {}, folder);
  // The first questions are refused with 401, which the console tells.
  const page = await openPage(t, `${server.url}/#/server`, { viewport: phone, complains: true });
  await page.getByLabel('API key').fill(secret);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'New key' }).click();
  await page.getByLabel('What or who it is for').fill('bot');
  await page.getByLabel(/^concepts:read/).check();
  await page.getByText('Limits', { exact: true }).click();
  await page.getByLabel('Requests a minute').fill('7');
  await page.getByLabel('Only these models').fill(tinyChatModel);
  await page.getByRole('button', { name: 'Make the key' }).click();
  const made = await textOf(page.locator('.secret code'));
  assert.match(made, /^sk-steerd-/);
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Close' }).click();
  const card = page.locator('.card', { has: page.getByRole('heading', { name: 'bot' }) });
  assert.match(await textOf(card), /completions, concepts:read · 7 requests a minute · only models/);
  const ask = () => fetch(`${server.url}/v1/concepts`, { headers: { authorization: `Bearer ${made}` } });
  assert.equal((await ask()).status, 200);
  assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'fits a phone');

  await page.getByRole('button', { name: 'Revoke bot' }).click();
  await page.getByRole('button', { name: 'Revoke it' }).click();
  await card.waitFor({ state: 'detached' });
  assert.equal((await ask()).status, 401);
  assert.equal(await page.getByRole('button', { name: /^Revoke/ }).count(), 0, 'its own key stays');
});
