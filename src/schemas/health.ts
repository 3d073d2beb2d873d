/** Shapes of the routes that say how the server is. */
import { z } from 'zod';

export const Health = z
  .object({ status: z.literal('ok') })
  .meta({ id: 'Health', examples: [{ status: 'ok' }] });

export const Ready = z
  .object({ status: z.literal('ready'), models: z.array(z.string()) })
  .meta({ id: 'Ready', examples: [{ status: 'ready', models: ['smollm2-135m-instruct'] }] });

export const Version = z
  .object({ version: z.string() })
  .meta({ id: 'Version', examples: [{ version: '0.1.0' }] });
