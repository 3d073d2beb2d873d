/**
 * `npm run large-import -- 8b --precision int4 --folder /tmp/large`: a checkpoint of random weights, as large as real ones,
 * is imported by the built command. In the middle it is killed (SIGKILL) and started again. Told are the minutes, the
 * largest memory of both runs against the bound (1 GB beside the largest tensor), and whether it went on. By hand: it
 * takes minutes, and twice the checkpoint's room on the disk. `tiny` takes seconds.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import { sizes, writeCheckpoint } from './checkpoint.js';

const { values, positionals } = parseArgs({
  options: { precision: { type: 'string', default: 'int4' }, folder: { type: 'string' } },
  allowPositionals: true,
});
const [name = 'tiny'] = positionals;
const size = sizes[name];
if (size === undefined) throw new Error(`sizes are ${Object.keys(sizes).join(', ')}; received ${name}`);

const cli = join(packageRoot, 'dist/src/cli.js');
const memoryBound = 1e9;

interface Run {
  /** Exit code; null when it was killed. */
  readonly code: number | null;
  readonly seconds: number;
  /** Processor time: what a busy machine takes longer for is no work of the import. */
  readonly work: number;
  /** The largest memory in bytes. */
  readonly peak: number;
  /** What share of the work it began at. */
  readonly began: number;
  readonly errors: string;
}

/** @param killAt a share of the work; 2 for never */
function runImport(checkpoint: string, models: string, killAt: number): Promise<Run> {
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      ...[cli, 'import', checkpoint, '--precision', values.precision],
      ...['--name', 'large', '--models-dir', models],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let peak = 0;
  let work = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, residentPeak(child.pid ?? 0));
    work = Math.max(work, processorSeconds(child.pid ?? 0));
  }, 100);
  let text = '';
  let began: number | null = null;
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    for (const [, percent] of part.matchAll(/(\d+) ?%/g)) {
      const share = Number(percent) / 100;
      began ??= share;
      if (share >= killAt) child.kill('SIGKILL');
    }
  });
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearInterval(watch);
      const seconds = (performance.now() - started) / 1000;
      resolve({ code, seconds, work, peak, began: began ?? 0, errors: text });
    });
  });
}

/** Of Linux; 0 elsewhere. */
function residentPeak(pid: number): number {
  try {
    const [, kilobytes = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}

/** Of all threads, user's and system's, in ticks of a hundredth (proc(5)). Of Linux; 0 elsewhere. */
function processorSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return 0;
  }
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const gb = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;

const folder = await mkdtemp(join(values.folder ?? tmpdir(), 'steerd-large-'));
try {
  const [checkpoint, models] = [join(folder, 'checkpoint'), join(folder, 'models')];
  const begun = performance.now();
  const { all, largest } = await writeCheckpoint(checkpoint, size);
  say(
    `checkpoint: ${gb(all)}, largest tensor ${gb(largest)}, written in ${((performance.now() - begun) / 60_000).toFixed(1)} min`,
  );
  const killed = await runImport(checkpoint, models, 0.5);
  say(`killed in the middle, after ${killed.seconds.toFixed(0)} s; peak ${gb(killed.peak)}`);
  const whole = await runImport(checkpoint, models, 2);
  say(
    `gone on with at ${Math.round(whole.began * 100)} %: ${whole.seconds.toFixed(0)} s more; peak ${gb(whole.peak)}`,
  );
  const model = await stat(join(models, 'large', 'model.onnx')).catch(() => null);
  const minutes = (seconds: number) => (seconds / 60).toFixed(1);
  say(
    `in all ${minutes(killed.seconds + whole.seconds)} min, ${minutes(killed.work + whole.work)} min of processor time`,
  );
  const faults = [
    ...(killed.code === null ? [] : [`it was not killed but ended with ${killed.code}: ${killed.errors}`]),
    ...(whole.code === 0 && model !== null ? [] : [`it ended with ${whole.code}: ${whole.errors}`]),
    ...(whole.began >= 0.2 ? [] : ['it began anew']),
    ...(Math.max(killed.peak, whole.peak) <= largest + memoryBound
      ? []
      : ['it took more memory than it may']),
  ];
  for (const fault of faults) say(`FAULT: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
