/** A report opened from a file, in a browser: silent, accessible, whole without a network, and all of it in print. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { writeRun } from '../../../src/benchmark/record-file.js';
import { writeReport } from '../../../src/benchmark/report/write.js';
import { build } from '../../helpers/app.js';
import { listen } from '../../helpers/http.js';
import { assertAccessible, openPage, phone, skipWithoutBrowser as skip } from '../../helpers/page.js';
import { sampleRun } from './sample-run.js';

test('a report opens from a file, says nothing on the console and prints', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-report-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const { run, records } = sampleRun();
  await writeReport(run, records, folder);
  const url = pathToFileURL(join(folder, 'report.html')).href;
  const page = await openPage(t, url);
  assert.match(await page.title(), /benchmark of tiny/);
  await assertAccessible(page);
  assert.equal(await page.locator('svg[role=img]').count(), 8);
  // Every figure is drawn: none is an empty box, and none has text outside of it.
  for (const svg of await page.locator('svg[role=img]').all()) {
    const box = await svg.boundingBox();
    assert.ok(box !== null && box.width > 150 && box.height > 100);
    assert.ok(
      await svg.evaluate((one) =>
        [...one.querySelectorAll('text')].some((text) => (text.textContent ?? '') !== ''),
      ),
    );
  }
  await page.setViewportSize(phone);
  assert.ok(
    await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
    'no sideways scrolling of the page',
  );
  assert.ok((await page.pdf({ format: 'A4' })).length > 20_000);
});

test('the playground shows a run as it is, and opens its report', { skip }, async (t) => {
  const data = await mkdtemp(join(tmpdir(), 'steerd-report-'));
  t.after(() => rm(data, { recursive: true, force: true }));
  const { run, records } = sampleRun();
  const folder = join(data, 'benchmarks', 'first');
  await writeRun(folder, run);
  await writeFile(
    join(folder, 'records.jsonl'),
    records.map((record) => `${JSON.stringify(record)}\n`).join(''),
  );
  const { app } = await build(t, { settings: { dataDirectory: data } });
  const page = await openPage(t, `${await listen(app)}/#/benchmark`);
  await page.getByText('first: is done').waitFor();
  await page.getByText('Answers: 138 of 138').waitFor();
  await page.getByText('Fits: 10 of 10, 1 failed').waitFor();
  await assertAccessible(page);
  const [report] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('link', { name: 'Open the report' }).click(),
  ]);
  await report.waitForLoadState();
  assert.match(await report.title(), /benchmark of tiny/);
  assert.equal(await report.locator('svg[role=img]').count(), 8);
});
