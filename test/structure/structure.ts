/**
 * Reads who imports whom, types and worker threads counted, and finds what must not be: an import that leads up in
 * layers.ts, and circles of files or folders.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

export interface Import {
  readonly from: string;
  readonly to: string;
  /** Whether nothing of it is left once compiled: `import type`. */
  readonly type?: boolean;
}

/** Every import between the TypeScript files of `folders`; paths are relative to `root`, without `src/`. */
export function readImports(root: string, folders: readonly string[]): Import[] {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => join(root, folder, file)),
  );
  const known = new Set(files);
  const name = (file: string) => relative(root, file).replace(/^src\//, '');
  return files.flatMap((file) =>
    [...importedPaths(file, readFileSync(file, 'utf8'))].flatMap(([path, type]) => {
      const bare = join(dirname(file), path.replace(/\.js$/, ''));
      const target = [`${bare}.ts`, `${bare}.tsx`].find((one) => known.has(one));
      return target === undefined ? [] : [{ from: name(file), to: name(target), type }];
    }),
  );
}

/**
 * Relative paths that a file names: imports and exports, `import()`, types, and threads by `new URL(..., import.meta.url)`; and whether
 * each is named for types only.
 */
function importedPaths(file: string, text: string): Map<string, boolean> {
  const paths = new Map<string, boolean>();
  const add = (node: unknown, type = false) => {
    const value = (node as { value?: unknown } | null)?.value;
    if (typeof value === 'string' && value.startsWith('.'))
      paths.set(value, type && (paths.get(value) ?? true));
  };
  new Visitor({
    ImportDeclaration: (node) => add(node.source, node.importKind === 'type'),
    ExportAllDeclaration: (node) => add(node.source, node.exportKind === 'type'),
    ExportNamedDeclaration: (node) => add(node.source, node.exportKind === 'type'),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source, true),
    NewExpression(node) {
      if (node.callee.type === 'Identifier' && node.callee.name === 'URL') add(node.arguments[0]);
    },
  }).visit(parseSync(file, text).program);
  return paths;
}

export type Layers = readonly (readonly string[])[];

/** The room of a file: its folder, or its own name where it lies beside the folders. `under` is the folder looked into. */
export function roomOf(file: string, under = ''): string | undefined {
  if (!file.startsWith(under)) return undefined;
  const [first = '', ...rest] = file.slice(under.length).split('/');
  if (rest.length > 0) return first;
  return under === '' ? first.replace(/\.tsx?$/, '') : '.';
}

/** Imports between rooms that do not lead to a line below, and rooms that `layers` does not name. */
export function upwardImports(imports: readonly Import[], layers: Layers, under = ''): string[] {
  const floor = new Map(layers.flatMap((rooms, i) => rooms.map((room) => [room, i] as const)));
  const faults = new Set<string>();
  for (const { from, to } of imports) {
    const [a, b] = [roomOf(from, under), roomOf(to, under)];
    if (a === undefined || b === undefined) continue;
    for (const room of [a, b]) if (!floor.has(room)) faults.add(`${under}${room} is not in layers.ts`);
    if (a !== b && (floor.get(a) ?? -1) >= (floor.get(b) ?? -1)) faults.add(`${from} -> ${to}`);
  }
  return [...faults].sort();
}

/**
 * Imports out of a room of `typesOnly` that are of values or of a room that it may not see, and all imports into one.
 * @param valuesToo rooms that a room of `typesOnly` may have values of
 */
export function valueImports(
  imports: readonly Import[],
  typesOnly: Readonly<Record<string, readonly string[]>>,
  valuesToo: Readonly<Record<string, readonly string[]>> = {},
): string[] {
  const broken = ({ from, to, type }: Import): boolean => {
    const [a = '', b = ''] = [roomOf(from), roomOf(to)];
    if (a === b) return false;
    if (b in typesOnly) return true;
    if (valuesToo[a]?.includes(b)) return false;
    const seen = typesOnly[a];
    return seen !== undefined && !(type === true && seen.includes(b));
  };
  return imports.filter(broken).map(({ from, to }) => `${from} -> ${to}`);
}

/** Groups that import each other in a loop, among files or, with `group`, among what files belong to. */
export function circles(
  imports: readonly Import[],
  group: (file: string) => string = (file) => file,
): string[][] {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const [a, b] = [group(from), group(to)];
    if (a === b) continue;
    edges.set(a, (edges.get(a) ?? new Set()).add(b));
    if (!edges.has(b)) edges.set(b, new Set());
  }
  return components(edges).filter((component) => component.length > 1);
}

/** Strongly connected components (Tarjan, Depth-first search and linear graph algorithms, 1972). */
function components(edges: ReadonlyMap<string, ReadonlySet<string>>): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): number => {
    const own = index.size;
    index.set(node, own);
    low.set(node, own);
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      const reached = index.has(next) ? (stack.includes(next) ? (index.get(next) ?? own) : own) : visit(next);
      low.set(node, Math.min(low.get(node) ?? own, reached));
    }
    if (low.get(node) === own) found.push(stack.splice(stack.indexOf(node)).sort());
    return low.get(node) ?? own;
  };
  for (const node of edges.keys()) if (!index.has(node)) visit(node);
  return found;
}
