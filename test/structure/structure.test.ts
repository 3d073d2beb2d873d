import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkStructure } from './check-structure.js';
import { circles, upwardImports, valueImports } from './structure.js';

test('no file imports from a layer beside or above its own', () => {
  assert.deepEqual(checkStructure().upward, []);
});

test('no files and no folders import each other in a circle, types counted', () => {
  assert.deepEqual(checkStructure().circles, []);
});

test('the check finds an upward import, a room that nobody named and a circle', () => {
  const imports = [
    { from: 'high/a.ts', to: 'low/b.ts' },
    { from: 'low/b.ts', to: 'high/c.ts' },
    { from: 'low/b.ts', to: 'new/d.ts' },
  ];
  assert.deepEqual(upwardImports(imports, [['high'], ['low']]), [
    'low/b.ts -> high/c.ts',
    'low/b.ts -> new/d.ts',
    'new is not in layers.ts',
  ]);
  assert.deepEqual(circles(imports), []);
  assert.deepEqual(
    circles(imports, (file) => file.split('/')[0] ?? ''),
    [['high', 'low']],
  );
});

test('the check finds a value where only types may be imported, another room, and an import from outside', () => {
  const only = { page: ['schemas'] };
  const imports = [
    { from: 'page/a.tsx', to: 'schemas/b.ts', type: true },
    { from: 'page/a.tsx', to: 'page/c.ts' },
    { from: 'page/a.tsx', to: 'schemas/b.ts' },
    { from: 'page/a.tsx', to: 'engine/b.ts', type: true },
    { from: 'server/a.ts', to: 'page/c.ts', type: true },
  ];
  assert.deepEqual(valueImports(imports, only), [
    'page/a.tsx -> schemas/b.ts',
    'page/a.tsx -> engine/b.ts',
    'server/a.ts -> page/c.ts',
  ]);
  const helped = valueImports([{ from: 'page/a.tsx', to: 'tables/b.ts' }, ...imports], only, {
    page: ['tables'],
  });
  assert.equal(helped.length, 3);
});
