/** What loading a model takes: time, and memory beyond the KV cache against the size of its files. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import { readFootprint } from '../../src/engine/load/footprint.js';
import type { LoadFigures } from './load-once.js';
import type { Ratio, Row } from './report.js';

const script = join(packageRoot, 'dist/test/bench/load-once.js');
const mebibyte = 1024 ** 2;

/** The median of several fresh processes, so that nothing is counted as there already. */
export async function benchLoad(
  directory: string,
  rounds: number,
): Promise<{ rows: Row[]; ratios: Ratio[] }> {
  const { weights } = await readFootprint(directory, { slots: 1, context: 16, memory: null });
  const found: LoadFigures[] = [];
  for (let round = 0; round < rounds; round++) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, directory]);
    found.push(JSON.parse(stdout) as LoadFigures);
  }
  const median = (values: readonly number[]) =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  const milliseconds = median(found.map((figures) => figures.milliseconds));
  const memory = median(found.map((figures) => figures.memory ?? Number.NaN));
  const peak = median(found.map((figures) => figures.peak ?? Number.NaN));
  const row: Row = {
    section: 'loading',
    case: 'a fresh process',
    streams: 0,
    figures: {
      s: milliseconds / 1000,
      'MiB of files': weights / mebibyte,
      'MiB of memory': memory / mebibyte,
      'MiB at the peak': peak / mebibyte,
    },
  };
  const ratios: Ratio[] = [
    { what: 'seconds to load', value: milliseconds / 1000, kind: 'at most', bound: 3 },
    { what: 'memory beyond KV / size of the files', value: memory / weights, kind: 'at most', bound: 1.5 },
  ];
  return { rows: [row], ratios };
}
