/** Holds the imports of the whole source against layers.ts. */
import { dirname } from 'node:path';
import { packageRoot } from '../../src/common/package.js';
import { innerLayers, layers, typesOnly, valuesToo } from './layers.js';
import { circles, readImports, roomOf, upwardImports, valueImports } from './structure.js';

interface Structure {
  /** How many files each room of layers.ts has, those of its inner rooms counted. */
  readonly rooms: ReadonlyMap<string, number>;
  readonly files: number;
  readonly folders: number;
  readonly upward: readonly string[];
  readonly circles: readonly string[];
}

export function checkStructure(): Structure {
  const imports = readImports(packageRoot, ['src', 'routes', 'plugins']);
  const files = new Set(imports.flatMap(({ from, to }) => [from, to]));
  const folders = new Set([...files].map(folderOf));
  const upward = [
    ...upwardImports(imports, layers),
    ...valueImports(imports, typesOnly, valuesToo),
    ...Object.entries(innerLayers).flatMap(([room, inner]) => upwardImports(imports, inner, `${room}/`)),
  ];
  const found = [
    ...circles(imports),
    ...circles(imports, folderOf),
    ...circles(imports, (file) => roomOf(file) ?? file),
  ];
  const rooms = new Map<string, number>();
  for (const room of [...files].map((file) => roomOf(file) ?? file))
    rooms.set(room, (rooms.get(room) ?? 0) + 1);
  return {
    rooms,
    files: files.size,
    folders: folders.size,
    upward,
    circles: [...new Set(found.map((circle) => circle.join(' <-> ')))],
  };
}

const folderOf = (file: string): string => (file.includes('/') ? dirname(file) : file);
