/** Runs the phases of a test plan and reports them as one run of Node's test runner. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { compiled, dist } from './dist.js';
import type { Phase, TestProcess } from './test-plan.js';

export interface RunSettings {
  /** Runs only tests whose names match. */
  readonly match?: string | undefined;
  /** Ends the processes that run. */
  readonly signal: AbortSignal;
}

/** The counts that close a run, as Node's runner names them; `fail` and `cancelled` make it fail. */
const closing = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

/** The events of all phases, numbered through, with one plan and one summary at the end. */
export async function* runTests(
  phases: readonly Phase[],
  settings: RunSettings,
): AsyncGenerator<TestEvent, void> {
  const totals = new Map<string, number>();
  let number = 0;
  const caller = { ...process.env };
  for (const { processes, concurrency, env } of phases) {
    if (processes.length === 0) continue;
    // Node's runner hands its own environment on.
    process.env = { ...env, ...caller };
    const stream = run({
      files: processes.map(entryOf),
      concurrency,
      signal: settings.signal,
      ...(settings.match === undefined ? {} : { testNamePatterns: settings.match }),
    });
    for await (const event of stream as AsyncIterable<TestEvent>) {
      const { type, data } = event;
      if (type === 'test:plan' && data.nesting === 0) continue;
      if (type === 'test:diagnostic' && data.nesting === 0) {
        const [, name, count] = closing.exec(data.message) ?? [];
        if (name !== undefined) {
          totals.set(name, (totals.get(name) ?? 0) + Number(count));
          continue;
        }
      }
      if ((type === 'test:pass' || type === 'test:fail') && data.nesting === 0) data.testNumber = ++number;
      yield event;
    }
  }
  yield { type: 'test:plan', data: { nesting: 0, count: number } };
  for (const [name, count] of totals)
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${count}` } };
  if ((totals.get('fail') ?? 0) + (totals.get('cancelled') ?? 0) > 0) process.exitCode = 1;
}

/** The module that a process starts with: the one file, or one that imports them all. */
function entryOf({ name, files }: TestProcess): string {
  const [first = '', ...others] = files.map(compiled);
  if (others.length === 0) return first;
  const folder = join(dist, '.test-entries');
  mkdirSync(folder, { recursive: true });
  const entry = join(folder, `${name}.js`);
  const imports = [first, ...others].map(
    (file) => `import '${relative(folder, file).replaceAll('\\', '/')}';\n`,
  );
  writeFileSync(entry, imports.join(''));
  return entry;
}
