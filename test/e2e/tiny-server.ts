/** The built server with the tiny model: starts in a moment, answers nonsense at thousands of tokens a second. */
import { request } from 'node:http';
import type { TestContext } from 'node:test';
import { tinyChatModel, tinyModels } from '../commands/tiny-chat-model.js';
import { temporaryFolder } from '../concepts/sample.js';
import { closeInTurn } from '../helpers/closing.js';
import { type ServerProcess, startServerProcess } from './running-server.js';

export interface TinyServer extends ServerProcess {
  readonly modelsDirectory: string;
}

export async function startTiny(
  t: TestContext,
  settings: Readonly<Record<string, string>> = {},
  dataDirectory?: string,
): Promise<TinyServer> {
  const modelsDirectory = settings.STEERD_MODELS_DIR ?? (await tinyModels(t));
  const server = await startServerProcess(dataDirectory ?? (await temporaryFolder(t)), {
    STEERD_MODEL: tinyChatModel,
    STEERD_MODELS_DIR: modelsDirectory,
    STEERD_THREADS: '1',
    ...settings,
  });
  closeInTurn(t, () => server.kill());
  return { ...server, modelsDirectory };
}

/** Vectors that the tiny model takes: a concept made by `PUT`. */
export const tinyVectors = (seed: number) => ({
  vectors: { 1: row(seed), 2: row(seed + 1), 3: row(seed + 2) },
});

const row = (seed: number) =>
  Array.from({ length: 64 }, (_, i) => Math.sin(seed * 13.7 + i * (1 + seed / 7)));

interface PutReply {
  readonly version?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export async function put(
  server: Pick<ServerProcess, 'url'>,
  name: string,
  body: object,
): Promise<{ status: number; json: PutReply }> {
  const reply = await fetch(`${server.url}/v1/concepts/${encodeURIComponent(name)}/vectors`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: reply.status, json: (await reply.json()) as PutReply };
}

export interface Stream {
  /** What has come so far. */
  text(): string;
  /** Everything, once the reply has ended or broken off. */
  readonly ended: Promise<string>;
  leave(): void;
}

/** Begins a streamed answer that goes on for `tokens` tokens; the tiny model's context has 256. */
export function stream(url: string, tokens: number, more: object = {}): Stream {
  const sent = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' },
  });
  let text = '';
  sent.on('error', () => {});
  sent.on('response', (response) => {
    response.on('error', () => {});
    response.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  });
  sent.end(
    JSON.stringify({
      messages: [{ role: 'user', content: 'Hi' }],
      temperature: 0,
      stream: true,
      ignore_eos: true,
      max_tokens: tokens,
      ...more,
    }),
  );
  // `once` would reject with an error that comes before the end.
  const ended = new Promise<string>((resolve) => {
    sent.on('close', () => resolve(text));
  });
  return { text: () => text, ended, leave: () => sent.destroy() };
}
