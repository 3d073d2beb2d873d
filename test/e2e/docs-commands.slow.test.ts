/**
 * Every command of the README and the guides, run as it stands: before a server whose model is tiny, called as the
 * embedded one is, in an empty folder. `steerd`, `npx` and `curl` are the real ones; curl also fails on an error's status.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/common/package.js';
import { temporaryFolder, writeTinyChatModel } from '../commands/tiny-chat-model.js';
import { put, startTiny, tinyVectors } from './tiny-server.js';

const pages = [
  'README.md',
  ...readdirSync(join(packageRoot, 'docs/guides')).map((file) => `docs/guides/${file}`),
].filter((file) => file.endsWith('.md'));
const model = 'smollm2-135m-instruct';
const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** Commands of the README that other tests run, or that need what a test machine may lack. */
const runElsewhere = [
  /^npm ci && npm (start|test)/, // .ci/run
  /^npm ci && ONNXRUNTIME_NODE_INSTALL=true/, // fetches CUDA; test/docker
  /^docker compose /, // npm run docker-check
  /^npx steerd pull /, // test/e2e/pull.slow.test.ts
  /^npx steerd chat/, // a terminal; test/commands/api-commands.slow.test.ts
];

interface Block {
  readonly kind: 'sh' | 'js';
  readonly text: string;
}

/** Fenced blocks, and indented ones that begin with a command. A fence that says `not-run` is left out. */
function blocksOf(page: string): Block[] {
  const fenced = [...page.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)];
  const blocks = fenced.flatMap(([, language = '', more = '', text = '']): Block[] => {
    if (more.includes('not-run')) return [];
    if (language === 'sh') return [{ kind: 'sh', text }];
    return language === 'js' || language === 'ts' ? [{ kind: 'js', text }] : [];
  });
  const rest = page.replace(/^```[\s\S]*?^```$/gm, '');
  const indented = [...rest.matchAll(/(?<=\n\n)((?: {4}.*\n)+)/g)].map(([, text = '']) =>
    text.replace(/^ {4}/gm, ''),
  );
  const commands = indented.filter((text) => /^(curl|npx|npm|steerd|docker) /.test(text));
  return [...blocks, ...commands.map((text): Block => ({ kind: 'sh', text }))];
}

/** A folder of commands that stand before the machine's own. */
async function shims(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  const scripts = {
    steerd: `exec '${process.execPath}' '${cli}' "$@"`,
    npx: 'exec "$@"',
    curl: 'PATH="$' + '{PATH#*:}"; exec curl --fail-with-body "$@"',
  };
  for (const [name, line] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${line}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

interface Ran {
  readonly code: number;
  readonly said: string;
}

const run = (file: string, args: string[], cwd: string, env: Record<string, string>): Promise<Ran> =>
  new Promise((done) => {
    const options = { cwd, env: { ...process.env, ...env }, timeout: 60_000 };
    execFile(file, args, options, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? 1) : 0, said: `${stdout}${stderr}` }),
    );
  });

test('every command of the README and the guides works as it stands', async (t) => {
  const modelsDirectory = await temporaryFolder(t);
  await mkdir(join(modelsDirectory, model));
  await writeTinyChatModel(join(modelsDirectory, model));
  const dataDirectory = await temporaryFolder(t);
  const server = await startTiny(
    t,
    { STEERD_MODEL: model, STEERD_MODELS_DIR: modelsDirectory },
    dataDirectory,
  );
  // Monitors read in shares of these.
  const residual_norms = [10, 10, 10, 10];
  for (const [seed, name] of ['egypt', 'ocean', 'winter', 'sad', 'pirate', 'trains'].entries())
    assert.equal((await put(server, name, { ...tinyVectors(seed + 1), residual_norms })).status, 200);
  const { host, port } = new URL(server.url);
  const env = {
    PATH: `${await shims(t)}:${process.env.PATH}`,
    STEERD_PORT: port,
    STEERD_MODELS_DIR: modelsDirectory,
    STEERD_MODEL: model,
    STEERD_DATA_DIR: dataDirectory,
  };
  // Beside node_modules, which the samples import from.
  await mkdir(join(packageRoot, 'dist'), { recursive: true });
  const samples = await mkdtemp(join(packageRoot, 'dist/docs-'));
  t.after(() => rm(samples, { recursive: true, force: true }));
  const curl = await run('curl', ['--version'], samples, {});
  let count = 0;
  const failures: string[] = [];
  const runPage = async (page: string) => {
    const folder = await temporaryFolder(t);
    for (const { kind, text } of blocksOf(await readFile(join(packageRoot, page), 'utf8'))) {
      const here = text
        .replace(/(localhost|127\.0\.0\.1):8080/g, host)
        // The tiny model's tokens are bytes, and its context has 256: descriptions of tools have no room.
        // Measuring a strength takes most of a fit's time, and has tests of its own.
        .replace('--recipe texts', '--recipe texts --no-calibrate')
        .replace('"recipe": "texts"', '"recipe": "texts", "calibrate": false')
        .replace('"tools": [', '"truncate_prompt_tokens": 100, "tools": [');
      if (kind === 'js') {
        const file = join(samples, `${count++}.mjs`);
        await writeFile(file, here);
        const { code, said } = await run(process.execPath, [file], folder, env);
        if (code !== 0) failures.push(`${page}: ${text}\n${said}`);
        continue;
      }
      const lines = here
        .split('\n')
        .filter((line) => !runElsewhere.some((pattern) => pattern.test(line)))
        .filter((line) => curl.code === 0 || !line.startsWith('curl'));
      if (lines.every((line) => line.trim() === '')) continue;
      count++;
      const { code, said } = await run('bash', ['-euo', 'pipefail', '-c', lines.join('\n')], folder, env);
      if (code !== 0) failures.push(`${page}: ${text}\n${said}`);
    }
  };
  // Two at a time, as small machines have cores.
  const waiting = [...pages];
  const worker = async () => {
    for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) await runPage(page);
  };
  await Promise.all([worker(), worker()]);
  assert.deepEqual(failures, [], failures.join('\n\n'));
  assert.ok(count > 25, `${count} blocks were found`);
});
