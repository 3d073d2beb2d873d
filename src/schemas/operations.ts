/** How the server is: alive, ready, which version, how busy. */
import { z } from 'zod';

export const Health = z
  .object({ status: z.literal('ok') })
  .meta({ id: 'Health', examples: [{ status: 'ok' }] });

export const Ready = z
  .object({ status: z.literal('ready'), models: z.array(z.string()) })
  .meta({ id: 'Ready', examples: [{ status: 'ready', models: ['smollm2-135m-instruct'] }] });

/** By this a client knows whose `/version` it has asked. */
export const serverName = 'steerd' as const;

export const Version = z
  .object({ name: z.literal(serverName), version: z.string() })
  .meta({ id: 'Version', examples: [{ name: serverName, version: '0.1.0' }] });

export const Load = z
  .object({
    server_load: z.int().meta({ description: 'Answers being made, those that wait included.' }),
    running: z.int().meta({ description: 'Sequences in slots.' }),
    waiting: z.int().meta({ description: 'Sequences that wait for a slot.' }),
    slots: z.int(),
    memory: z
      .object({
        resident: z.int().meta({ description: 'What the process has in memory.' }),
        models: z.int().meta({ description: 'What the loaded models may take.' }),
        machine: z.int().meta({ description: 'What the machine, or the container, has.' }),
      })
      .meta({ description: 'Bytes.' }),
  })
  .meta({
    id: 'Load',
    examples: [
      {
        server_load: 3,
        running: 3,
        waiting: 0,
        slots: 16,
        memory: { resident: 415997952, models: 152241856, machine: 8589934592 },
      },
    ],
  });
export type Load = z.output<typeof Load>;

export const LoadQuery = z.object({
  model: z.string().min(1).optional().meta({ description: 'Of this model alone.' }),
});
