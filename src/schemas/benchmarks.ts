/** Runs of the benchmark as the API shows them: how far they are, and what they show so far. */
import { z } from 'zod';

const count = z.object({ done: z.int(), total: z.int() });

export const BenchmarkRun = z
  .object({
    id: z.string().meta({ description: "The folder's name.", examples: ['first'] }),
    object: z.literal('benchmark'),
    state: z.enum(['running', 'stopped', 'done']).meta({
      description: 'stopped: nobody works on it, and the command that began it goes on with it.',
    }),
    model: z.string(),
    started_at: z.int().meta({ description: 'Unix seconds.' }),
    concepts: z.int(),
    classes: z.array(z.string()),
    variants: z.array(z.string()).meta({ description: 'Ways to make the vectors.' }),
    fits: count.extend({ failed: z.int() }),
    answers: count,
    judgements: count,
    success: z
      .array(
        z.object({
          judge: z.string(),
          variant: z.string().meta({ description: 'A way, `plain` or `told`.' }),
          mean: z.number(),
          low: z.number(),
          high: z.number(),
          concepts: z.int(),
        }),
      )
      .meta({
        description: 'So far, at strength 1: means over concepts with bootstrap intervals (95 %).',
      }),
  })
  .meta({ id: 'BenchmarkRun' });
export type BenchmarkRun = z.output<typeof BenchmarkRun>;

export const BenchmarkList = z
  .object({ object: z.literal('list'), data: z.array(BenchmarkRun) })
  .meta({ id: 'BenchmarkList' });
export type BenchmarkList = z.output<typeof BenchmarkList>;

export const BenchmarkParams = z.object({
  id: z
    .string()
    .min(1)
    .max(128)
    .meta({ examples: ['first'] }),
});
