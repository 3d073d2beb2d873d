/**
 * Lists that stop at the first item at fault. zod's own arrays collect every fault of every branch of a union, which
 * takes 17 s of this thread for 4 MB of bad token ids.
 */
import { z } from 'zod';
import { fault, requirement } from './validation.js';

export interface ListBounds {
  readonly min?: number;
  readonly max: number;
}

const jsonSchema = (item: z.ZodType) => {
  const { $schema: _, ...rest } = z.toJSONSchema(item, { io: 'input' });
  return rest;
};

const items = (count: number) => `${count} ${count === 1 ? 'item' : 'items'}`;

/** `z.array` that stops at the first fault, and before it when there are too many items. */
export function list<Item extends z.ZodType>(item: Item, { min = 0, max }: ListBounds) {
  return z
    .unknown()
    .transform((value, context): z.output<Item>[] => {
      const refuse = (message: string, path: PropertyKey[] = [], input: unknown = value) => {
        context.issues.push({ code: 'custom', message, path, input });
        return z.NEVER;
      };
      if (!Array.isArray(value)) return refuse('must be a list');
      if (value.length > max) return refuse(`must be a list of at most ${items(max)}`);
      if (value.length < min) return refuse(`must be a list of at least ${items(min)}`);
      const parsed: z.output<Item>[] = [];
      for (const [i, entry] of value.entries()) {
        const result = item.safeParse(entry, { error: requirement });
        const issue = result.error?.issues[0];
        if (issue !== undefined) {
          const { path, message } = fault(issue);
          return refuse(message, [i, ...path], entry);
        }
        parsed.push(result.data as z.output<Item>);
      }
      return parsed;
    })
    .meta({ type: 'array', items: jsonSchema(item), ...(min > 0 && { minItems: min }), maxItems: max });
}
