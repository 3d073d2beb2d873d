/** The OpenAPI document as it is published. */
import { pino } from 'pino';
import { type App, buildApp } from './app.js';
import type { Services } from './services.js';

/** Routes use services only when they are called, and none is. */
const unused = {} as Services;

/** The document as `openapi/openapi.json` holds it. */
export async function openapiDocument(): Promise<string> {
  const app: App = await buildApp(unused, { settings: { bodyLimit: 1024 }, log: pino({ level: 'silent' }) });
  try {
    return `${JSON.stringify(app.swagger(), null, 2)}\n`;
  } finally {
    await app.close();
  }
}
