/** The official client in front of an application with a fake engine. */
import type { TestContext } from 'node:test';
import OpenAI from 'openai';
import { type BuildOptions, build } from './app.js';
import { listen } from './http.js';

export async function connect(t: TestContext, options: BuildOptions = {}) {
  const built = await build(t, options);
  const client = new OpenAI({ baseURL: `${await listen(built.app)}/v1`, apiKey: 'none', maxRetries: 0 });
  return { ...built, client };
}
