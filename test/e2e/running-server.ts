/** The built server as its users meet it: a process of its own, with the embedded model, on a free port. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { testCache } from '../helpers/test-cache.js';
import { usualContext } from './usual-context.js';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));

export interface ServerProcess {
  readonly url: string;
  readonly client: OpenAI;
  readonly child: ChildProcess;
  readonly dataDirectory: string;
  /** What the server wrote to its log so far. */
  log(): string;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL: nothing is flushed or said. */
  kill(): Promise<void>;
}

/** Why a test that is about the server's own connections is left out where nginx has them: the `skip` of a test. */
export const connectionsAreNginxs: string | false =
  process.env.STEERD_TEST_URL === undefined ? false : 'nginx reads the connection, and answers for itself';

/** What tests are asked by such names is no setting, and the server would refuse to start. */
const testVariables = new Set(['STEERD_CONSTRAINED_ANSWERS', 'STEERD_SENT_CHATS', 'STEERD_TEST_URL']);
const settingsOf = (environment: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !testVariables.has(name)));

/**
 * Starts `steerd serve` and waits until the model answers.
 * @param script the compiled command; another build's, to compare with
 */
export async function startServerProcess(
  dataDirectory: string,
  settings: Readonly<Record<string, string>> = {},
  script: string = cli,
): Promise<ServerProcess> {
  const outside = process.env.STEERD_TEST_URL;
  if (outside !== undefined && Object.entries(settings).every(isUsual)) return standing(outside);
  const child = spawn(process.execPath, [script, 'serve', '--port', '0'], {
    env: {
      ...settingsOf(process.env),
      STEERD_DATA_DIR: dataDirectory,
      STEERD_CACHE_DIR: testCache,
      LOG_LEVEL: 'warn',
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  const exited = once(child, 'exit');
  let url = '';
  for await (const line of createInterface({ input: child.stdout })) {
    url = /listens on (http\S+?);/.exec(line)?.[1] ?? url;
    if (line.startsWith('ready')) break;
  }
  if (!url) throw new Error(`the server did not start: ${log}`);
  child.stdout.resume();
  return {
    url,
    client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 }),
    child,
    dataDirectory,
    log: () => log,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      return child.exitCode;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** `npm run fleet -- --api` has servers of the same. */
const isUsual = ([name, value]: [string, string]) => name === 'STEERD_CONTEXT' && value === usualContext;

/** Servers that are there already, behind nginx: nobody stops them. */
const standing = (url: string): ServerProcess => ({
  url,
  client: new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 }),
  get child(): never {
    throw new Error(`what answers at ${url} is no process of this test`);
  },
  dataDirectory: '',
  log: () => '',
  stop: async () => 0,
  kill: async () => {},
});

/** A folder for one test's data, removed with `clean`. */
export async function temporaryData(): Promise<{ directory: string; clean(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'steerd-e2e-'));
  return { directory, clean: () => rm(directory, { recursive: true, force: true }) };
}

interface SharedServer {
  readonly server: ServerProcess;
  readonly data: Awaited<ReturnType<typeof temporaryData>>;
}

let shared: Promise<SharedServer> | undefined;

async function startShared(): Promise<SharedServer> {
  const data = await temporaryData();
  return { server: await startServerProcess(data.directory, { STEERD_CONTEXT: usualContext }), data };
}

/** The server of this process, for the tests of a suite: the first suite starts it, and it stops after the last one. */
export function suiteServer(): () => ServerProcess {
  let server: ServerProcess | undefined;
  before(async () => {
    shared ??= startShared();
    ({ server } = await shared);
  });
  return () => {
    if (!server) throw new Error('the server runs only while tests do');
    return server;
  };
}

after(async () => {
  if (!shared) return;
  const { server, data } = await shared;
  assert.equal(await server.stop(), 0);
  await data.clean();
});

/** What the OpenAI client does not know of: our fields in a request body. */
export type SteeredChat = OpenAI.ChatCompletionCreateParamsNonStreaming & {
  concept?: string;
  strength?: number;
  steering?: unknown;
};

/** The text of one greedy answer. */
export async function answer(
  server: ServerProcess,
  question: string,
  steering: Pick<SteeredChat, 'concept' | 'strength' | 'steering'> = {},
  more: Partial<SteeredChat> = {},
): Promise<string> {
  const body: SteeredChat = {
    model: 'smollm2-135m-instruct',
    messages: [{ role: 'user', content: question }],
    temperature: 0,
    max_tokens: 32,
    ...steering,
    ...more,
  };
  const reply = await server.client.chat.completions.create(body);
  return reply.choices[0]?.message.content ?? '';
}

/** POSTs a body as it is and returns status and JSON. */
export async function post(
  server: ServerProcess,
  path: string,
  body: unknown,
): Promise<{ status: number; json: unknown; headers: Headers }> {
  const reply = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: reply.status, json: await reply.json(), headers: reply.headers };
}
