/** The core of the API, asked for through nginx: each call may be answered by another server. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import OpenAI from 'openai';
import { stream } from '../e2e/tiny-server.js';
import { answerOf, ask, beginFit, call, codeOf, endOfFit, json, register, visibleAfter } from './calls.js';
import type { Fleet } from './fleet.js';

const status = async (url: string, path: string, body?: object, method?: string) =>
  (await call(url, path, body, method)).status;

/** @returns what was tried, in words */
export async function apiCore(fleet: Fleet, name: string): Promise<string[]> {
  const { url, urls } = fleet;
  const tried: string[] = [];
  const step = async (words: string, run: () => Promise<void>) => {
    await run();
    tried.push(words);
  };
  await step('health, readiness, models, metrics', async () => {
    for (const path of ['/health', '/ready', '/version', '/v1/models', '/metrics', '/load', '/openapi.json'])
      assert.equal(await status(url, path), 200, path);
  });
  await step('a concept registered at one is used, listed, renamed and deleted at others', async () => {
    const { version } = await register(urls[0] ?? '', name, 7);
    const since = performance.now();
    for (const one of urls) await visibleAfter(one, name, since);
    for (let again = 0; again < 6; again++)
      assert.equal(answerOf(await call(url, '/v1/completions', ask(name))).version, version);
    assert.ok(JSON.stringify(json(await call(url, '/v1/concepts'))).includes(`"${name}"`));
    assert.equal(await status(urls[1] ?? url, `/v1/concepts/${name}`, undefined, 'DELETE'), 200);
    await pause(1000);
    for (const one of urls)
      assert.equal(codeOf(await call(one, '/v1/completions', ask(name))), 'concept_not_found');
  });
  await step('whole and streamed answers, by the OpenAI client too', async () => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: 'Hi' }];
    const answer = await client.chat.completions.create({ model: 'tiny', messages, max_tokens: 4 });
    assert.equal(answer.choices.length, 1);
    let pieces = 0;
    const streamed = await client.chat.completions.create({
      model: 'tiny',
      messages,
      max_tokens: 8,
      stream: true,
    });
    for await (const _ of streamed) pieces++;
    assert.ok(pieces > 1);
    assert.match(await stream(url, 20).ended, /\[DONE\]/);
    assert.equal(await status(url, '/v1/embeddings', { input: 'Hi' }), 200);
    assert.equal(await status(url, '/v1/messages', { model: 'tiny', max_tokens: 4, messages }), 200);
  });
  await step('a response of one goes on at another, and is forgotten by a third', async () => {
    const [first = '', second = '', third = url] = urls;
    const turn = async (at: string, more: object) =>
      json(await call(at, '/v1/responses', { input: 'Hi', max_output_tokens: 4, ...more })) as { id: string };
    const { id } = await turn(first, {});
    assert.equal((await turn(second, { previous_response_id: id })).id.length, id.length);
    assert.equal(await status(third, `/v1/responses/${id}`, undefined, 'DELETE'), 200);
    assert.equal(await status(first, `/v1/responses/${id}`), 404);
  });
  await step('errors are the same from every server', async () => {
    assert.equal(await status(url, '/v1/nothing'), 404);
    assert.equal(await status(url, '/v1/completions', { prompt: 'a', max_tokens: -1 }), 400);
    assert.equal(
      codeOf(await call(url, '/v1/completions', { prompt: 'a', model: 'none' })),
      'model_not_found',
    );
    assert.equal(await status(url, '/v1/fits/fit-none'), 404);
  });
  await step('a fit made at one is told, followed and cancelled at others', async () => {
    const job = await beginFit(urls[0] ?? '', `${name}-fit`, 400);
    for (const one of urls) assert.equal(await status(one, `/v1/fits/${job.id}`), 200);
    const cancelled = await call(urls[1] ?? '', `/v1/fits/${job.id}/cancel`, {});
    assert.equal(cancelled.status, 200, cancelled.text);
    assert.match((await call(urls[2] ?? url, `/v1/fits/${job.id}/events`)).text, /"cancelled"/);
  });
  return tried;
}

/** @returns the milliseconds after the fit's success at which each server answered by its concept */
export async function fitEverywhere(fleet: Fleet, name: string): Promise<number[]> {
  const job = await beginFit(fleet.urls[0] ?? '', name, 3);
  const done = await endOfFit(fleet.urls[0] ?? '', job.id);
  assert.equal(done.status, 'succeeded', done.error?.message);
  const since = performance.now();
  return Promise.all(fleet.urls.map((url) => visibleAfter(url, name, since)));
}
