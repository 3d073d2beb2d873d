/**
 * Every command of the README and the documents, run as it stands: before a server whose model is tiny, called as the
 * embedded one is, in an empty folder. `steerd`, `npx` and `curl` are the real ones; curl also fails on an error's status. Of what
 * cannot be run here it is made sure that there are such commands, flags and paths.
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
  ...['docs', 'docs/guides'].flatMap((folder) =>
    readdirSync(join(packageRoot, folder)).map((file) => `${folder}/${file}`),
  ),
].filter((file) => file.endsWith('.md'));
const model = 'smollm2-135m-instruct';
const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

/** What other tests run, or what needs what a test machine may lack, or takes long. */
const runElsewhere = [
  /^npm ci && npm (start|test)/, // .ci/run
  /^npm ci && ONNXRUNTIME_NODE_INSTALL=true/, // fetches CUDA; test/docker
  /^docker /, // npm run docker-check
  /^npm run (bench|concept-table|demo|fit:shipped|gpu-check|docker-check|shipped-report|load|fuzz)\b/,
  /^(npx )?steerd (pull|import) /, // a hub, a checkpoint: test/e2e/pull.slow.test.ts, test/commands
  /--feature|[?&]feature=|--texts texts.csv|--examples pairs.csv|--list concepts/, // of files that are not here
  /^(npx )?steerd bench /, // minutes: test/commands/bench.slow.test.ts
  /^(npx )?steerd (serve|graft) /, // servers that go on; graphs of the embedded model
  /^(npx )?steerd (models (remove|verify)|keys revoke)\b/, // of what is not here
  /^(npx )?steerd chat/, // a terminal; test/commands/api-commands.slow.test.ts
  /^curl .*\/v1\/models\/(pull|import)\b/, // test/routes
  /^llama-cli /,
  /\/ID\b|\{id\}/, // of a job that is not here
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

/** The commands of a block: a line, and those that it goes on in. */
function commandsOf(text: string): string[] {
  const commands: string[] = [];
  let command = '';
  for (const line of text.split('\n')) {
    command = command === '' ? line : `${command}\n${line}`;
    const open = command.endsWith('\\') || (command.match(/'/g) ?? []).length % 2 === 1;
    const goesOn = /<<|^(for|if|while) /.test(command);
    if (goesOn || open) continue;
    commands.push(command);
    command = '';
  }
  return command === '' ? commands : [...commands, command];
}

/** What is wrong with a command that is not run: flags of `steerd` and paths of the API that there are not. */
function misspelt(
  command: string,
  flags: ReadonlyMap<string, ReadonlySet<string>>,
  paths: readonly RegExp[],
): string[] {
  const words = command.replace(/\s#.*$/gm, '').split(/[\s\\]+/);
  const at = words.indexOf('steerd');
  if (at >= 0) {
    const typed = words.slice(at + 1);
    const name = [typed.slice(0, 2).join(' '), typed[0] ?? ''].find((one) => flags.has(one));
    if (name === undefined) return words[0] === 'docker' ? [] : [`no command ${typed[0]}`];
    return typed.filter((word) => word.startsWith('--') && !flags.get(name)?.has(word.replace(/=.*/, '')));
  }
  const [, path] = /(?:localhost|127\.0\.0\.1):8080(\/[^\s?'"]*)/.exec(command) ?? [];
  return path === undefined || paths.some((one) => one.test(path)) ? [] : [`no path ${path}`];
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
    const options = { cwd, env: { ...process.env, ...env }, timeout: 120_000 };
    execFile(file, args, options, (error, stdout, stderr) =>
      done({ code: error ? Number(error.code ?? 1) : 0, said: `${stdout}${stderr}` }),
    );
  });

test('every command of the README and the documents works as it stands', async (t) => {
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
  };
  // Beside node_modules, which the samples import from.
  await mkdir(join(packageRoot, 'dist'), { recursive: true });
  const samples = await mkdtemp(join(packageRoot, 'dist/docs-'));
  t.after(() => rm(samples, { recursive: true, force: true }));
  const completion = await run(process.execPath, [cli, 'completion', 'bash'], samples, {});
  const flags = new Map(
    [...completion.said.matchAll(/^ +"(.*)"\) words="(.*)" ;;$/gm)].map(
      ([, path = '', words = '']) => [path, new Set(words.split(' '))] as const,
    ),
  );
  assert.ok(flags.get('keys add')?.has('--scopes'));
  const api = JSON.parse(await readFile(join(packageRoot, 'openapi/openapi.json'), 'utf8')) as {
    paths: object;
  };
  const paths = Object.keys(api.paths).map((path) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`));
  const curl = await run('curl', ['--version'], samples, {});
  let count = 0;
  const failures: string[] = [];
  const runPage = async (page: string) => {
    const folder = await temporaryFolder(t);
    // Keys that are made in its data directory would close the server to the other pages.
    const own = page === 'docs/operations.md' ? join(folder, 'data') : dataDirectory;
    const here = { ...env, STEERD_DATA_DIR: own };
    for (const { kind, text } of blocksOf(await readFile(join(packageRoot, page), 'utf8'))) {
      const meant = text
        .replace(/(localhost|127\.0\.0\.1):8080/g, host)
        // The tiny model's tokens are bytes, and its context has 256: descriptions of tools have no room.
        // Measuring a strength takes most of a fit's time, and has tests of its own.
        .replace('--recipe texts', '--recipe texts --no-calibrate')
        .replace('"recipe": "texts"', '"recipe": "texts", "calibrate": false')
        .replace('"qwen3-0.6b"', JSON.stringify(model))
        .replace('"tools": [', '"truncate_prompt_tokens": 100, "tools": [');
      if (kind === 'js') {
        const file = join(samples, `${count++}.mjs`);
        await writeFile(file, meant);
        const { code, said } = await run(process.execPath, [file], folder, here);
        if (code !== 0) failures.push(`${page}: ${text}\n${said}`);
        continue;
      }
      const commands = commandsOf(meant).filter((command) => command.trim() !== '');
      const isElsewhere = (command: string) => runElsewhere.some((pattern) => pattern.test(command));
      for (const command of commands.filter(isElsewhere))
        for (const fault of misspelt(command, flags, paths)) failures.push(`${page}: ${fault} in ${command}`);
      const lines = commands
        .filter((command) => !isElsewhere(command))
        .filter((command) => curl.code === 0 || !command.startsWith('curl'));
      if (lines.length === 0) continue;
      count++;
      const { code, said } = await run('bash', ['-euo', 'pipefail', '-c', lines.join('\n')], folder, here);
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
