/** Holds the imports of the whole source against layers.ts. */
import { dirname } from 'node:path';
import { packageRoot } from '../../src/common/package.js';
import { innerLayers, layers } from './layers.js';
import { circles, readImports, roomOf, upwardImports } from './structure.js';

interface Structure {
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
    ...Object.entries(innerLayers).flatMap(([room, inner]) => upwardImports(imports, inner, `${room}/`)),
  ];
  const found = [
    ...circles(imports),
    ...circles(imports, folderOf),
    ...circles(imports, (file) => roomOf(file) ?? file),
  ];
  return {
    files: files.size,
    folders: folders.size,
    upward,
    circles: [...new Set(found.map((circle) => circle.join(' <-> ')))],
  };
}

const folderOf = (file: string): string => (file.includes('/') ? dirname(file) : file);
