/**
 * Which tests run when, told by the names of their files under test/:
 *
 *     x.test.ts         `npm test`, two processes beside each other
 *     x.alone.test.ts   `npm test`, with nothing beside it: it counts milliseconds or turns of the event loop
 *     x.slow.test.ts         `npm run test:all` only, two processes beside each other
 *     x.alone.slow.test.ts   the same, with nothing beside it
 *
 * A file has a process of its own, as with `node --test`, but for those of `sharedFolders`.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const kinds = ['together', 'alone', 'slow', 'slowAlone'] as const;
export type TestKind = (typeof kinds)[number];

export function kindOf(file: string): TestKind {
  if (isSlow(file)) return file.endsWith('.alone.slow.test.ts') ? 'slowAlone' : 'slow';
  return file.endsWith('.alone.test.ts') ? 'alone' : 'together';
}

/** Whether `npm test` leaves it out. */
export const isSlow = (file: string): boolean => file.endsWith('.slow.test.ts');

/**
 * Folders whose files run in one process, one after the other: most of such a file's time would be its imports, or
 * its server's start. Hooks outside of a suite hold for the whole process, so these files have none.
 */
export const sharedFolders: readonly string[] = [
  'test/access',
  'test/checkpoint',
  'test/common',
  'test/completions',
  'test/concepts',
  'test/config',
  'test/e2e/one-server',
  'test/engine/sampling',
  'test/engine/schedule',
  'test/fitting/measure',
  'test/fitting/recipes',
  'test/fitting/statements',
  'test/http',
  'test/hub',
  'test/json-grammar',
  'test/models',
  'test/onnx',
  'test/playground',
  'test/routes',
  'test/schemas',
  'test/tools',
  'test/server',
  'test/steering',
  'test/telemetry',
  'test/text',
];

/** Files that run in one process, in their order; paths are those of the sources, relative to the package. */
export interface TestProcess {
  /** The file, or what several have in common. */
  readonly name: string;
  readonly files: readonly string[];
}

/** Processes that run before those of the next phase. */
export interface Phase {
  readonly processes: readonly TestProcess[];
  /** How many run beside each other. */
  readonly concurrency: number;
  /** Variables that they have unless the caller has set them. */
  readonly env: Readonly<Record<string, string>>;
}

/** Of servers that compute beside each other: threads that wait spin, and would take the other's core. A third of the time is saved. */
const aCoreEach = { STEERD_THREADS: '1' };

/** Every test file below a folder of the package, or the file itself. */
export function testFiles(root: string, path = 'test'): string[] {
  if (path.endsWith('.ts')) return [path];
  return readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(path, file).replaceAll('\\', '/'))
    .sort();
}

/** What runs after what, of these files. */
export function planTests(files: readonly string[]): Phase[] {
  return kinds.map((kind) => {
    const processes = new Map<string, string[]>();
    for (const file of files.filter((one) => kindOf(one) === kind)) {
      const folder = sharedFolders.find((one) => file.startsWith(`${one}/`));
      const name = folder === undefined ? file : `${folder.replaceAll('/', '-')}.${kind}`;
      processes.set(name, [...(processes.get(name) ?? []), file]);
    }
    const beside = kind === 'together' || kind === 'slow';
    return {
      // Those with the most files first: none of them is left for the end, when one of two processors has no work.
      processes: [...processes]
        .map(([name, own]) => ({ name, files: own }))
        .sort((a, b) => b.files.length - a.files.length),
      concurrency: beside ? 2 : 1,
      env: beside ? aCoreEach : {},
    };
  });
}
