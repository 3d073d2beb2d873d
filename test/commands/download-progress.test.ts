/** Progress for people: a line that updates on a terminal, few lines in a log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DownloadProgress } from '../../src/commands/download-progress.js';
import { shownBytes } from '../../src/common/byte-size.js';

function run(isTTY: boolean, seconds: number, bytesPerSecond: number): string[] {
  const written: string[] = [];
  const stream = {
    isTTY,
    columns: 80,
    write: (text: string) => {
      written.push(text);
      return true;
    },
  };
  let now = 0;
  const progress = new DownloadProgress('a/b', stream as never, () => now);
  const total = seconds * bytesPerSecond;
  progress.update({ stage: 'look up', done: 0, total: 0 });
  for (let step = 0; step <= 100 * seconds; step++) {
    now = step * 10;
    progress.update({ stage: 'download', done: (step * bytesPerSecond) / 100, total });
  }
  return written;
}

test('a log gets a line per tenth, a terminal the speed and the time that is left', () => {
  assert.deepEqual(run(false, 20, 1e6), [
    'looking up a/b\n',
    ...Array.from({ length: 11 }, (_, tenth) => `${10 * tenth} % of 20.0 MB\n`),
  ]);
  const lines = run(true, 20, 1e6);
  assert.ok(lines.length <= 5 * 20 + 2, `${lines.length} updates in 20 s`);
  const half = `50 % ${'█'.repeat(12)}${'░'.repeat(12)} 10.0 MB of 20.0 MB, 1.00 MB/s, 10 s left`;
  assert.ok(lines.some((line) => line.endsWith(half)));
});

test('bytes have three digits and a unit', () => {
  const shown = [0, 999, 1000, 12_345, 999_000, 146e6, 1.5e9, 4.5e15].map(shownBytes);
  assert.deepEqual(shown, [
    '0 bytes',
    '999 bytes',
    '1.00 kB',
    '12.3 kB',
    '999 kB',
    '146 MB',
    '1.50 GB',
    '4500 TB',
  ]);
});
