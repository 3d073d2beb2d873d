/** Loads a model in a process of its own and tells what that took, as JSON. Memory on Linux only. */
import { readFileSync } from 'node:fs';
import { loadModel } from '../../src/models/serve/load.js';

export interface LoadFigures {
  readonly milliseconds: number;
  /** Bytes of the process's memory more than before; null where the system does not say. */
  readonly memory: number | null;
  /** The same at the highest moment. */
  readonly peak: number | null;
}

function memory(what: 'VmRSS' | 'VmHWM'): number | null {
  if (process.platform !== 'linux') return null;
  const kibibytes = new RegExp(`${what}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kibibytes) * 1024;
}

const [directory = ''] = process.argv.slice(2);
const before = memory('VmRSS');
const started = performance.now();
// Of one short slot: keys and values are next to nothing.
await loadModel('model', directory, { threads: 0, slots: 1, context: 16, prefillChunk: 64, queue: 8 });
const milliseconds = performance.now() - started;
const since = (bytes: number | null) => (before === null || bytes === null ? null : bytes - before);
const figures: LoadFigures = {
  milliseconds,
  memory: since(memory('VmRSS')),
  peak: since(memory('VmHWM')),
};
process.stdout.write(JSON.stringify(figures), () => process.exit(0));
