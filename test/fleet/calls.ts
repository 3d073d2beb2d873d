/** Calls of a fleet's API, and what their replies must hold against. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { FitJob } from '../../src/schemas/fit-jobs.js';
import { tinyVectors } from '../e2e/tiny-server.js';

export interface Reply {
  /** 0 when the connection broke. */
  readonly status: number;
  readonly text: string;
}

export async function call(url: string, path: string, body?: object, method?: string): Promise<Reply> {
  try {
    const reply = await fetch(`${url}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
      signal: AbortSignal.timeout(60_000),
    });
    return { status: reply.status, text: await reply.text() };
  } catch (error) {
    return { status: 0, text: String(error instanceof Error ? (error.cause ?? error) : error) };
  }
}

export const json = (reply: Reply): unknown => {
  assert.ok(reply.status >= 200 && reply.status < 300, `${reply.status} ${reply.text}`);
  return JSON.parse(reply.text);
};

export const codeOf = ({ text }: Reply): string =>
  z.object({ error: z.object({ code: z.string() }) }).parse(JSON.parse(text)).error.code;

const Answer = z.object({
  choices: z.array(z.object({ text: z.string() })).length(1),
  steering: z.array(z.object({ concept: z.string(), version: z.string() })),
});

export const ask = (concept: string, tokens = 8) => ({
  prompt: 'Hi',
  steering: [{ concept, strength: 1, scale: 'raw' }],
  temperature: 0,
  ignore_eos: true,
  max_tokens: tokens,
});

/** A concept that was acknowledged, and what the model must say under it. */
export interface Known {
  readonly name: string;
  readonly version: string;
  readonly answer: string;
}

/** Registers a concept by vectors. Null, with its reply, when that was refused. */
export async function register(
  url: string,
  name: string,
  seed: number,
): Promise<{ version: string | null; reply: Reply }> {
  const reply = await call(url, `/v1/concepts/${name}/vectors`, tinyVectors(seed), 'PUT');
  const version =
    reply.status === 200 ? z.object({ version: z.string() }).parse(JSON.parse(reply.text)).version : null;
  return { version, reply };
}

/** What a steered answer says, and by which version of the concept. */
export function answerOf(reply: Reply): { text: string; version: string } {
  const { choices, steering } = Answer.parse(json(reply));
  return { text: choices[0]?.text ?? '', version: steering[0]?.version ?? '' };
}

/** Asks one server until it answers by the concept. @returns milliseconds */
export async function visibleAfter(url: string, name: string, since: number): Promise<number> {
  for (;;) {
    const reply = await call(url, '/v1/completions', ask(name));
    if (reply.status === 200) return performance.now() - since;
    if (performance.now() - since > 20_000) throw new Error(`${url} does not know ${name}: ${reply.text}`);
  }
}

/** A fit of the tiny model; more statements take longer. */
export const fitOf = (name: string, statements: number) => {
  const side = (words: string) => Array.from({ length: statements }, (_, at) => `${words} ${at}?`);
  return {
    name,
    recipe: 'attention',
    prefix: 'You like sea.',
    statements: { positive: side('Why'), negative: side('How') },
    calibrate: false,
  };
};

export async function endOfFit(url: string, id: string): Promise<FitJob> {
  for (;;) {
    const reply = await call(url, `/v1/fits/${id}?wait=true`);
    if (reply.status === 200) {
      const job = FitJob.parse(JSON.parse(reply.text));
      if (job.finished_at !== null) return job;
    } else if (reply.status === 404) throw new Error(`fit ${id} is lost: ${reply.text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function beginFit(url: string, name: string, statements: number): Promise<FitJob> {
  return FitJob.parse(json(await call(url, '/v1/fits', fitOf(name, statements))));
}
