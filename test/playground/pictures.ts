/** `npm run pictures`: takes the pictures of the page that README and docs show, with the embedded model, into docs/. */
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { packageRoot } from '../../src/common/package.js';
import { startServerProcess, temporaryData } from '../e2e/running-server.js';

const pictures = [
  {
    file: 'playground.png',
    colorScheme: 'light',
    setUp: '#/chat?concept=ocean:0.6&temperature=0&tokens=64',
    question: 'Describe your morning.',
  },
  {
    file: 'playground-dark.png',
    colorScheme: 'dark',
    setUp: '#/chat?concept=pirate:1&watch=ocean&temperature=0&tokens=64',
    question: 'Tell me about your morning.',
  },
] as const;

const data = await temporaryData();
const server = await startServerProcess(data.directory, { STEERD_CONTEXT: '4096' });
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  for (const { file, colorScheme, setUp, question } of pictures) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 910 }, colorScheme });
    await page.goto(`${server.url}/${setUp}`, { waitUntil: 'networkidle' });
    await page.getByLabel('Your message').fill(question);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Again', exact: true }).waitFor();
    await page.locator('.plot svg').waitFor();
    await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)');
    await page.locator('.answer-steered .token').nth(12).hover();
    await page.screenshot({ path: join(packageRoot, 'docs', file) });
    await page.close();
  }
} finally {
  await browser.close();
  await server.stop();
  await data.clean();
}
