/**
 * Bundles the page of src/playground into dist/playground: index.html, and beside it assets/ with hashed names, so that browsers
 * may keep them for ever; each also compressed, once, here. With `--analyze` it prints what takes the room.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { analyzeMetafile, build } from 'esbuild';
import { packageRoot } from '../../src/common/package.js';

export const playgroundSource = join(packageRoot, 'src/playground');
const target = join(packageRoot, 'dist/playground');

/** Writes the page; a page that is there is replaced. @returns esbuild's account of it */
export async function bundlePlayground(): Promise<string> {
  const { metafile, outputFiles } = await build({
    entryPoints: [join(playgroundSource, 'main.tsx')],
    outdir: join(target, 'assets'),
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
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(target, 'assets'), { recursive: true });
  for (const { path, contents } of outputFiles) writeCompressed(path, contents);
  const entry = (ending: string) =>
    outputFiles
      .map(({ path }) => basename(path))
      .find((name) => name.startsWith('main-') && name.endsWith(ending)) ?? '';
  const html = readFileSync(join(playgroundSource, 'index.html'), 'utf8')
    .replace('main.css', entry('.css'))
    .replace('main.js', entry('.js'));
  writeCompressed(join(target, 'index.html'), Buffer.from(html));
  return analyzeMetafile(metafile);
}

function writeCompressed(path: string, contents: Uint8Array): void {
  writeFileSync(path, contents);
  writeFileSync(`${path}.gz`, gzipSync(contents, { level: 9 }));
  writeFileSync(
    `${path}.br`,
    brotliCompressSync(contents, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: contents.length } }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const account = await bundlePlayground();
  if (process.argv.includes('--analyze')) {
    const files = readdirSync(join(target, 'assets')).filter((name) => name.endsWith('.br'));
    const sizes = files
      .map((name) => `${readFileSync(join(target, 'assets', name)).length}\t${name}\n`)
      .join('');
    process.stdout.write(`${account}\n${sizes}`);
  }
}
