/**
 * `npm run journey`: which files one streamed steered chat passes on a running server, thread by thread: those of
 * which a function ran between the request and the end of its answer. docs/architecture.md tells the same in words.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { RanFiles } from './coverage-hook.js';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const hook = pathToFileURL(fileURLToPath(new URL('./coverage-hook.js', import.meta.url))).href;
const request = {
  messages: [{ role: 'user', content: 'Tell me about your morning.' }],
  steering: { concept: 'ocean', strength: 1 },
  stream: true,
  max_tokens: 12,
  seed: 1,
};

const data = await mkdtemp(join(tmpdir(), 'steerd-journey-'));
const server = fork(cli, ['serve', '--port', '0'], {
  execArgv: ['--import', hook],
  env: { ...process.env, STEERD_DATA_DIR: data },
  stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
});
const ranInThread = new Map<number, readonly string[]>();
server.on('message', ({ thread, files }: RanFiles) => {
  ranInThread.set(thread, files);
});

/** What ran in each thread since the last call. */
async function take(): Promise<void> {
  ranInThread.clear();
  server.send('take');
  await setTimeout(1000);
}

try {
  const url = await listening();
  while (!(await fetch(`${url}/ready`)).ok) await setTimeout(200);
  await take();
  const reply = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  });
  assert.equal(reply.status, 200);
  assert.match(await reply.text(), /data: \[DONE\]/);
  await take();
  let total = 0;
  for (const [thread, files] of [...ranInThread].sort(([a], [b]) => a - b)) {
    const sources = files
      .map((file) => file.replace(/\.js$/, '.ts'))
      .filter((file) => !file.startsWith('test/'));
    if (sources.length === 0) continue;
    total += sources.length;
    const name = thread === 0 ? 'HTTP thread' : 'Model worker';
    process.stdout.write(`**${name}, ${sources.length} files**\n\n${asTable(sources)}\n`);
  }
  process.stdout.write(`${total} files\n`);
} finally {
  server.kill();
  await once(server, 'exit');
  await rm(data, { recursive: true });
}

/** Files by their folder, as Markdown. */
function asTable(files: readonly string[]): string {
  const byFolder = new Map<string, string[]>();
  for (const file of [...files].sort()) {
    const folder = dirname(file);
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), basename(file, '.ts')]);
  }
  const rows = [...byFolder].map(([folder, names]) => `| \`${folder}\` | ${names.join(', ')} |\n`);
  return `| folder | files |\n|---|---|\n${rows.join('')}`;
}

/** The address that the server's log tells. */
async function listening(): Promise<string> {
  let log = '';
  for await (const chunk of server.stderr ?? []) {
    log += String(chunk);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(log)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error(`the server ended:\n${log}`);
}
