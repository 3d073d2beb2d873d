/** Sweep in a browser, with the embedded model. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { Sweep } from '../../src/schemas/measurements.js';
import { post, suiteServer } from '../e2e/running-server.js';
import { assertAccessible, openPage, phone, skipWithoutBrowser as skip, textOf } from '../helpers/page.js';

const prompts = ['What did you do this weekend?', 'Describe your morning, "in short".'];

describe('the playground: sweep', { skip }, () => {
  const server = suiteServer();
  const at = (fragment: string) => `${server().url}/${fragment}`;

  test('strengths times prompts become a grid with the best of each row, and a CSV', async (t) => {
    const page = await openPage(t, at('#/sweep?strengths=1,0.5&tokens=16'));
    await page.getByRole('combobox', { name: 'Add a concept to sweep' }).fill('pir');
    await page.keyboard.press('Enter');
    await page.getByLabel('Prompts, one a line').fill(prompts.join('\n'));
    await page.getByLabel('Strengths').fill('1, 0.5, much');
    assert.match(await textOf(page.getByRole('alert')), /Not a strength: much/);
    assert.ok(await page.getByRole('button', { name: 'Sweep', exact: true }).isDisabled());
    await page.getByLabel('Strengths').fill('1, 0.5');
    await page.getByText('6 answers').waitFor();
    await page.getByRole('button', { name: 'Sweep', exact: true }).press('Enter');
    await page.locator('.sweep-grid tbody tr').nth(1).locator('.sweep-answer').nth(2).waitFor();
    await page.locator('progress').waitFor({ state: 'detached' });

    const { json } = await post(server(), '/v1/steering/sweep', {
      prompts,
      concepts: ['pirate'],
      strengths: [0, 0.5, 1],
      max_tokens: 16,
    });
    const { data } = Sweep.parse(json);
    assert.deepEqual(
      await page.locator('.sweep-answer').allTextContents(),
      data.map(({ answer }) => answer),
      'what the API answers to one request for all of them',
    );
    const best = page.locator('.sweep-grid .sweep-best');
    assert.ok((await best.count()) >= 1 && (await best.count()) <= prompts.length);
    assert.equal(
      await page.locator('.sweep-grid td:nth-child(2).sweep-best').count(),
      0,
      'never the plain one',
    );
    await assertAccessible(page);

    await page.getByRole('button', { name: 'As code' }).click();
    const shown = textOf(page.locator('dialog pre'));
    const swept = Sweep.parse(JSON.parse(execFileSync('sh', ['-c', await shown], { encoding: 'utf8' })));
    assert.deepEqual(swept.data, data);
    await page.getByRole('tab', { name: 'TypeScript' }).click();
    const code = ['--input-type=module', '-e', await textOf(page.locator('dialog pre'))];
    const printed = execFileSync(process.execPath, code, { encoding: 'utf8', cwd: packageRoot });
    assert.deepEqual(Sweep.parse(JSON.parse(printed)).data, data);
    await page.keyboard.press('Escape');

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    assert.equal(download.suggestedFilename(), 'sweep-pirate.csv');
    const lines = readFileSync(await download.path(), 'utf8');
    assert.match(lines, /^\ufeffprompt,concept,strength,answer,/);
    assert.ok(lines.includes('\r\n"Describe your morning, ""in short"".",pirate,0,'));
    assert.equal(lines.match(/,true,\d+,(stop|length)\r\n/g)?.length, await best.count());
    assert.match(await page.evaluate<string>('location.hash'), /concept=pirate&strengths=1/);
  });

  test('a link brings a sweep to a phone, where it can be stopped', async (t) => {
    const page = await openPage(
      t,
      at('#/sweep?concept=ocean&strengths=1&prompt=Hi&prompt=Who+are+you%3F&tokens=512'),
      {
        viewport: phone,
        colorScheme: 'dark',
      },
    );
    assert.equal(await page.getByLabel('Prompts, one a line').inputValue(), 'Hi\nWho are you?');
    await page.getByRole('button', { name: 'Sweep', exact: true }).click();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText(/^Stopped after \d of 2 prompts/).waitFor();
    await page.getByLabel('Tokens each').fill('8');
    await page.getByRole('button', { name: 'Sweep', exact: true }).click();
    await page.locator('.sweep-answer').nth(3).waitFor();
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'fits a phone');
    await assertAccessible(page);
  });
});
