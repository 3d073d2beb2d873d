/**
 * Puts Observable Plot and linkedom into the compiled figures of a report, so that an installed package needs neither. Plain JavaScript,
 * since it is part of the build.
 */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const source = fileURLToPath(new URL('figures.ts', import.meta.url));

await build({
  entryPoints: [source],
  outfile: fileURLToPath(new URL('../../../dist/src/benchmark/report/figures.js', import.meta.url)),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // The rest of the product stays where it is; `canvas` is an optional part of linkedom, which is not asked for here.
  external: ['../summary.js', 'canvas'],
  banner: {
    js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
  },
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
});
