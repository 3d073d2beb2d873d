/**
 * Bundles the page into dist/playground: index.html, and beside it assets/ with hashed names, so that browsers may keep them for ever;
 * each also compressed, once, here. With `--analyze` it prints what takes the room. Plain JavaScript, since it is part of the build.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { analyzeMetafile, build } from 'esbuild';

const source = fileURLToPath(new URL('.', import.meta.url));
const target = join(source, '../../dist/playground');
const assets = join(target, 'assets');

const { metafile, outputFiles } = await build({
  entryPoints: [join(source, 'main.tsx')],
  outdir: assets,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['es2022', 'chrome123', 'firefox120', 'safari17.5'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: true,
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'warning',
});

/** Writes it plain, as gzip and as Brotli. */
function write(path, contents) {
  writeFileSync(path, contents);
  writeFileSync(`${path}.gz`, gzipSync(contents, { level: 9 }));
  writeFileSync(
    `${path}.br`,
    brotliCompressSync(contents, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: contents.length } }),
  );
}

const entry = (ending) =>
  outputFiles
    .map(({ path }) => basename(path))
    .find((name) => name.startsWith('main-') && name.endsWith(ending));

rmSync(target, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });
for (const { path, contents } of outputFiles) write(path, contents);
const html = readFileSync(join(source, 'index.html'), 'utf8')
  .replace('main.css', entry('.css'))
  .replace('main.js', entry('.js'));
write(join(target, 'index.html'), Buffer.from(html));

if (process.argv.includes('--analyze')) {
  const sizes = readdirSync(assets)
    .filter((name) => name.endsWith('.br'))
    .map((name) => `${readFileSync(join(assets, name)).length}\t${name}\n`);
  process.stdout.write(`${await analyzeMetafile(metafile)}\n${sizes.join('')}`);
}
