/** The pages for people name files, links and scripts that exist: a move that forgets them fails here. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';

const pages = [
  ...readdirSync(packageRoot),
  ...readdirSync(join(packageRoot, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) =>
    join('docs', file),
  ),
].filter((file) => file.endsWith('.md'));
const read = (file: string) => readFileSync(join(packageRoot, file), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const sources = new Set(
  ['src', 'routes', 'plugins', 'test'].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
      file.split('/').at(-1),
    ),
  ),
);

/** A heading as hosts turn it into an anchor. */
const anchorOf = (heading: string) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replace(/ /g, '-');
const anchorsOf = (page: string) =>
  [
    ...read(page)
      .replace(/```[\s\S]*?```/g, '')
      .matchAll(/^#+ (.*)$/gm),
  ].map(([, heading]) => anchorOf(heading ?? ''));
const allOf = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found]) => found ?? '');

describe('pages for people', () => {
  for (const page of pages) {
    test(`${page} leads nowhere that is not there`, () => {
      const text = read(page);
      for (const link of allOf(text, /\]\(([^)\s]+)\)/g)) {
        if (/^([a-z]+:|\.\.\.$)/.test(link)) continue;
        const [path = '', anchor] = link.split('#');
        const target = path === '' ? page : normalize(join(dirname(page), path));
        assert.ok(existsSync(join(packageRoot, target)), `a link leads to ${link}`);
        if (anchor) assert.ok(anchorsOf(target).includes(anchor), `no heading for ${link}`);
      }
      for (const path of allOf(text, /(?<![\w/.])((?:src|test|routes|plugins)\/[\w./-]+\.ts)/g)) {
        assert.ok(existsSync(join(packageRoot, path)), `it names ${path}`);
      }
      for (const folder of allOf(text, /`((?:src|test|routes|plugins)(?:\/[\w-]+)*)\/?`/g)) {
        assert.ok(existsSync(join(packageRoot, folder)), `it names ${folder}`);
      }
      for (const name of allOf(text, /`((?!x\.)[\w-]+(?:\.\w+)*\.ts)`/g)) {
        assert.ok(sources.has(name), `it names ${name}`);
      }
      for (const script of allOf(text, /npm run (?:--silent )?([\w:-]+)/g)) {
        assert.ok(script in scripts, `it names npm run ${script}`);
      }
    });
  }
});

test('the files on the way of a request, as docs/architecture.md lists them, are there', () => {
  const [, after = ''] = read('docs/architecture.md').split('### Every file on the way');
  const [list = ''] = after.split('\n## ');
  const rows = [...list.matchAll(/^\| `([\w/]+)` \| ([\w, -]+) \|$/gm)];
  assert.ok(rows.length > 20);
  for (const [, folder = '', names = ''] of rows)
    for (const name of names.split(', '))
      assert.ok(existsSync(join(packageRoot, folder, `${name}.ts`)), `it names ${name} in ${folder}`);
});
