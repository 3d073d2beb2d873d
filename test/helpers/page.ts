/**
 * The playground in a real browser (Debian's chromium, driven by Playwright), for the tests of one process: a browser that the first
 * of them starts, and for each a profile of its own.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, type TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { closeInTurn } from './closing.js';

const executablePath = '/usr/bin/chromium';

/** Why there is no browser, and what would help; false when there is one. For a test's `skip`. */
export const skipWithoutBrowser: string | false = existsSync(executablePath)
  ? false
  : `${executablePath} is missing: apt-get install chromium`;

let browser: Promise<Browser> | undefined;

after(async () => {
  await (await browser)?.close();
});

export interface OpenPage extends Page {
  /** What the console said, what broke and what the content policy refused, so far. */
  readonly complaints: readonly string[];
  /** URLs that were asked for, so far. */
  readonly asked: readonly string[];
}

/** Sizes of a desk and of a phone. */
export const desk = { width: 1280, height: 860 };
export const phone = { width: 390, height: 780 };

export interface PageOptions extends Pick<BrowserContextOptions, 'viewport' | 'colorScheme' | 'permissions'> {
  /** A test in which something complains on purpose. */
  readonly complains?: boolean;
}

/**
 * Opens a URL in a fresh profile and waits until nothing is loaded any more. When the test ends the page must have been silent, and
 * have asked its own origin only.
 */
export async function openPage(t: TestContext, url: string, options: PageOptions = {}): Promise<OpenPage> {
  const { complains = false, ...contextOptions } = options;
  browser ??= chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const context = await (await browser).newContext({ viewport: desk, ...contextOptions });
  const page = await context.newPage();
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`${error.stack ?? error}`));
  page.on('request', (request) => asked.push(request.url()));
  await page.addInitScript(`document.addEventListener('securitypolicyviolation', (event) =>
    console.error('content policy: ' + event.violatedDirective + ' ' + event.blockedURI));`);
  closeInTurn(t, async () => {
    await context.close();
    if (!complains) assert.deepEqual(complaints, []);
    const { origin, protocol } = new URL(url);
    // A file is a place of its own.
    const own = protocol === 'file:' ? url : `${origin}/`;
    const elsewhere = asked.filter((one) => !one.startsWith(own) && !/^(data|blob):/.test(one));
    assert.deepEqual(elsewhere, [], 'the page asks its own origin only');
  });
  await page.goto(url, { waitUntil: 'networkidle' });
  return Object.assign(page, { complaints, asked });
}

/** The text of the one element that is meant. */
export const textOf = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? '';

const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** Holds what the page shows now against the rules of axe: nothing serious or critical. */
export async function assertAccessible(page: Page): Promise<void> {
  // Through the debugger: the content policy would refuse the script itself.
  await page.evaluate(readFileSync(axeSource, 'utf8'));
  const result = (await page.evaluate('axe.run()')) as AxeResult;
  const serious = result.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`).join('\n')}`,
    );
  assert.deepEqual(serious, []);
}
