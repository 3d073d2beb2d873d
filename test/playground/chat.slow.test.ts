/** Chat and See in a browser, with the embedded model. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { packageRoot } from '../../src/common/package.js';
import { suiteServer } from '../e2e/running-server.js';
import { assertAccessible, openPage, phone, skipWithoutBrowser as skip, textOf } from '../helpers/page.js';

const question = 'Describe your morning.';
const setUp = '#/chat?concept=ocean:0.6&watch=pirate&temperature=0&tokens=24';

const ended = (page: Page) => page.getByRole('button', { name: 'Again', exact: true }).waitFor();

/** The texts of the newest turn's answers. */
const answers = (page: Page) => page.locator('.turn:last-of-type .answer .tokens-text').allTextContents();

async function askFor(page: Page, text: string): Promise<void> {
  await page.getByLabel('Your message').fill(text);
  await page.keyboard.press('Enter');
  await page.locator('.turn h2', { hasText: text }).last().waitFor();
  await ended(page);
}

describe('the playground: chat', { skip }, () => {
  const server = suiteServer();
  const at = (fragment: string) => `${server().url}/${fragment}`;

  test('plain and steered answers of one request stand side by side, and go on as one conversation', async (t) => {
    const page = await openPage(t, at(setUp));
    await askFor(page, question);
    const [plain = '', steered = ''] = await answers(page);
    const api = async (steering: object) => {
      const reply = await fetch(`${server().url}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          messages: [{ role: 'user', content: question }],
          temperature: 0,
          max_tokens: 24,
          ...steering,
        }),
      });
      const { choices } = (await reply.json()) as { choices: { message: { content: string } }[] };
      return choices[0]?.message.content;
    };
    assert.equal(plain, await api({}));
    assert.equal(steered, await api({ concept: 'ocean', strength: 0.6 }));
    assert.notEqual(plain, steered);
    assert.equal(page.asked.filter((url) => url.endsWith('/v1/chat/completions')).length, 1, 'one request');
    const boxes = await page.locator('.answer').all();
    const [left, right] = await Promise.all(boxes.map((box) => box.boundingBox()));
    assert.ok(left && right && left.y === right.y && left.x + left.width < right.x, 'side by side');

    await page.getByLabel('keep').first().check();
    const sent = page.waitForRequest((request) => request.url().endsWith('/v1/chat/completions'));
    await askFor(page, 'Why?');
    const { messages } = (await sent).postDataJSON() as { messages: { content: string }[] };
    assert.deepEqual(
      messages.map(({ content }) => content),
      [question, plain, 'Why?'],
    );
    await assertAccessible(page);
  });

  test('every token is tinted by what it reads, and its numbers are there for mouse and keyboard', async (t) => {
    const page = await openPage(t, at(setUp), { colorScheme: 'dark' });
    await askFor(page, question);
    const tints = await page
      .locator('.answer-steered .token')
      .evaluateAll(
        (tokens) => tokens.filter((one) => (one.getAttribute('style') ?? '').includes('background')).length,
      );
    assert.ok(tints >= 20, `${tints} of 24 tokens of a steered answer are tinted`);
    const numbers = page.locator('.answer-steered .tokens-numbers');
    await page.locator('.answer-steered .token').nth(4).hover();
    assert.match(await textOf(numbers), /ocean −?\d\.\d\d\s*pirate −?\d+\.\d\d\s*token 5 of 24/);
    await page.mouse.move(0, 0);
    await page.locator('.answer-steered .tokens-text').press('End');
    assert.match(await textOf(numbers), /token 24 of 24/);
    await page.keyboard.press('ArrowLeft');
    assert.match(await textOf(numbers), /token 23 of 24/);
    await page.locator('.plot svg').waitFor();
    assert.match(
      await textOf(page.locator('.answer-steered .answer-foot')),
      /ocean, added at strength 0\.6, at layers 1 to 29, at every position\.\s*On average it reads ocean \d/,
    );
    await assertAccessible(page);
    await page.getByRole('button', { name: 'See' }).click();
    assert.equal(await page.locator('.token').count(), 0);
  });

  test('a link brings its set-up and question into a fresh profile', async (t) => {
    const first = await openPage(t, at('#/chat'), { viewport: { width: 1280, height: 900 } });
    assert.equal(await first.evaluate('document.documentElement.scrollHeight'), 900, 'nothing to scroll yet');
    await first.getByRole('combobox', { name: 'Add a concept to steer by' }).fill('pir');
    await first.keyboard.press('Enter');
    await first.getByLabel('Strength of pirate, as a number').fill('-0.7');
    await first.getByText('more', { exact: true }).click();
    await first.getByLabel('Positions').selectOption('generated');
    await first.getByText('Watch, instructions').click();
    await first.getByLabel('Instructions').fill('Be brief & honest: 100 %, #1.');
    await first.getByLabel('Seed').fill('11');
    await first.getByLabel('Your message').fill('Who are you? Say so + more.');
    await first.waitForURL(/ask=Who.*more/);
    const link = await first.evaluate<string>('location.href');
    assert.match(link, /#\/chat\?concept=pirate:-0\.7,positions/);

    const second = await openPage(t, link, { colorScheme: 'dark' });
    assert.equal(await second.getByLabel('Strength of pirate, as a number').inputValue(), '-0.7');
    assert.equal(await second.getByLabel('Positions').inputValue(), 'generated');
    assert.equal(await second.getByLabel('Instructions').inputValue(), 'Be brief & honest: 100 %, #1.');
    assert.equal(await second.getByLabel('Seed').inputValue(), '11');
    assert.equal(await second.getByLabel('Your message').inputValue(), 'Who are you? Say so + more.');
    await second.getByLabel('Seed').fill('12');
    await second.waitForURL(link.replace('seed=11', 'seed=12'));

    const tiny = await openPage(t, at('#/chat?concept=pirate:1e-7'));
    await tiny.getByLabel('Strength of pirate, as a number').waitFor();
  });

  test('on a phone nothing is wider than the screen, and the answers stand below each other', async (t) => {
    const page = await openPage(t, at(`${setUp}&concept=pirate:2`), { viewport: phone });
    await askFor(page, question);
    await page.locator('.plot svg').waitFor();
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    assert.ok(width <= phone.width, `${width} pixels`);
    const [upper, lower] = await Promise.all(
      (await page.locator('.answer').all()).map((box) => box.boundingBox()),
    );
    assert.ok(upper && lower && upper.y + upper.height <= lower.y);
    assert.match(
      await textOf(page.getByText(/^Above max, 1\.\d+: answers were found/)),
      /lose their fluency/,
    );
    await assertAccessible(page);
  });

  test('the keyboard alone does it: skip link, concept, strength, question, stop, copy', async (t) => {
    const page = await openPage(t, at('#/chat?tokens=2000'), {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate('document.activeElement.id'), 'main');
    const focused = () =>
      page.evaluate(
        `document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent`,
      );
    const tabTo = async (label: string) => {
      for (let i = 0; i < 40 && (await focused()) !== label; i++) await page.keyboard.press('Tab');
      assert.equal(await focused(), label);
    };
    await tabTo('Add a concept to steer by');
    await page.keyboard.type('oce');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Shift+Tab');
    await page.locator('body').press('Home');
    await tabTo('Your message');
    await page.keyboard.type(question);
    await page.keyboard.press('Enter');
    await page.locator('.token').nth(6).waitFor();
    await tabTo('Stop');
    await page.keyboard.press('Enter');
    await ended(page);
    assert.match(await textOf(page.locator('.answer-steered .answer-foot')), /^Stopped\./);
    await page.locator('body').press('Home');
    await page.getByRole('button', { name: 'Copy: Plain' }).focus();
    await page.keyboard.press('Enter');
    const copied = await page.evaluate('navigator.clipboard.readText()');
    assert.equal(copied, (await answers(page))[0]);
  });

  test('the request as code makes the same answers', async (t) => {
    const page = await openPage(t, at(setUp));
    await askFor(page, question);
    const shown = await answers(page);
    await page.getByRole('button', { name: 'As code' }).click();
    const reply = JSON.parse(
      execFileSync('sh', ['-c', await textOf(page.locator('dialog pre'))], { encoding: 'utf8' }),
    ) as { choices: { message: { content: string } }[] };
    assert.deepEqual(
      reply.choices.map(({ message }) => message.content),
      shown,
    );
    const code = async (language: string) => {
      await page.getByRole('tab', { name: language }).click();
      return textOf(page.locator('dialog pre'));
    };
    const typescript = (await code('TypeScript')).replace(/ as OpenAI\.\w+/, '');
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', typescript], {
      encoding: 'utf8',
      cwd: packageRoot,
    });
    assert.equal(printed, `${shown.join('\n')}\n`);
    const python = await code('Python');
    const parsed = spawnSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], {
      input: python,
    });
    // A machine without Python has nothing to say of it.
    if (parsed.error === undefined) assert.equal(parsed.status, 0, `${parsed.stderr}${python}`);
    await assertAccessible(page);
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('dialog').count(), 0);
  });

  test('a request that is refused says why, and nothing is lost', async (t) => {
    const page = await openPage(t, at('#/chat?concept=nosuch:1&tokens=8'), { complains: true });
    assert.match(await textOf(page.locator('.concept')), /no concept of that name/);
    await askFor(page, question);
    assert.match(await textOf(page.getByRole('alert')), /nosuch/);
    await page.getByRole('button', { name: 'Remove nosuch' }).click();
    await page.getByRole('button', { name: 'Again', exact: true }).click();
    await page.getByText(/tokens? in|\d s · seed/).waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
  });
});
