/**
 * A run as one stream of JSON lines, from the server that has it to a folder of somebody else's: its head, then its records as they
 * stand in `records.jsonl`. The folder is then a run like one of the command: it can be judged, compared and reported.
 */
import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { errors } from '../errors.js';
import { validated } from '../schemas/validation.js';
import { goingOn } from './head.js';
import { Cells } from './plan.js';
import { RecordWriter, readRecords, readRun, wholeLines, writeRun } from './record-file.js';
import { aboutOf, BenchRecord, Run, recordsFile, runFile } from './records.js';
import type { RunKeeping } from './run-keeping.js';
import { lockRun } from './run-lock.js';

/** Records that are written at once. */
const batch = 500;

/**
 * The run as it is now; one that still goes on without what comes later. What it takes is kept until the stream has ended.
 * @throws SteerdError benchmark_not_found
 */
export function wholeRun(runs: Pick<RunKeeping, 'withFolder'>, id: string): Promise<Readable> {
  return new Promise((resolve, reject) => {
    runs
      .withFolder(id, async (folder) => {
        const head = JSON.parse(await readFile(join(folder, runFile), 'utf8')) as unknown;
        const stream = Readable.from(piecesOf(`${JSON.stringify(head)}\n`, join(folder, recordsFile)), {
          objectMode: false,
        });
        resolve(stream);
        // Its reader may leave in the middle.
        await finished(stream).catch(() => {});
      })
      .catch(reject);
  });
}

async function* piecesOf(head: string, records: string): AsyncGenerator<Buffer> {
  yield Buffer.from(head);
  const end = await sizeOf(records);
  if (end > 0) yield* createReadStream(records, { end: end - 1 });
}

/** Of its whole lines: the last one may be in the middle of being written. */
async function sizeOf(file: string): Promise<number> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (handle === null) return 0;
  try {
    return await wholeLines(handle, (await handle.stat()).size);
  } finally {
    await handle.close();
  }
}

interface Taken {
  /** Records that the folder has not had before. */
  readonly added: number;
  /** All that were sent. */
  readonly sent: number;
}

/**
 * Writes a run into a folder. One that has the same run already gets what it lacks, and keeps what it has more, such as another
 * judge's marks.
 * @param lines as `wholeRun` sends them
 * @throws SteerdError invalid_value for a folder of another run, or that somebody works in, and for what is no run
 */
export async function takeRun(lines: AsyncIterable<string>, folder: string): Promise<Taken> {
  const iterator = lines[Symbol.asyncIterator]();
  // Before anything is made here: whoever has no such run says so now.
  const first = await iterator.next();
  if (first.done) throw errors.invalidValue('the reply', 'a run with its head first', 'nothing');
  try {
    const lock = await lockRun(folder);
    try {
      const cells = new Cells(await takeHead(first.value, folder));
      return await takeRecords({ [Symbol.asyncIterator]: () => iterator }, folder, cells.total);
    } finally {
      await lock.release();
    }
  } finally {
    await iterator.return?.();
  }
}

/** @throws SteerdError invalid_value for what is no JSON */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw errors.invalidValue('the reply', 'a run as lines of JSON', line.slice(0, 80));
  }
}

async function takeHead(line: string, folder: string): Promise<Run> {
  const head = validated(Run, parsed(line));
  const before = await readRun(folder);
  if (before === null) await writeRun(folder, head);
  else goingOn(before, head, folder);
  return head;
}

/** @param cells of the run */
async function takeRecords(lines: AsyncIterable<string>, folder: string, cells: number): Promise<Taken> {
  const there = new Set<string>();
  for await (const record of readRecords(folder)) there.add(aboutOf(record));
  const writer = await RecordWriter.open(folder);
  let waiting: BenchRecord[] = [];
  let [sent, added] = [0, 0];
  try {
    for await (const line of lines) {
      const record = validated(BenchRecord, parsed(line));
      if (record.kind !== 'fit' && !(record.cell >= 0 && record.cell < cells))
        throw errors.invalidValue('cell', `a number from 0 to ${cells - 1}`, record.cell);
      const about = aboutOf(record);
      sent++;
      if (there.has(about)) continue;
      there.add(about);
      added++;
      waiting.push(record);
      if (waiting.length < batch) continue;
      await writer.append(waiting);
      waiting = [];
    }
    await writer.append(waiting);
    return { added, sent };
  } finally {
    await writer.close();
  }
}
