/** Kinds of field that several requests have, each with one message for whatever is wrong with it. */
import { z } from 'zod';
import { closest } from '../common/closest.js';
import { fault, requirement } from './validation.js';

/** A text that says something. */
export const text = (limit: number, error = `must be a text of 1 to ${limit} characters`) =>
  z
    .string({ error })
    .min(1, { error })
    .max(limit, { error })
    .refine((value) => value.trim() !== '', { error });

/** A text of a form that a function knows. */
export const formed = (isOne: (text: string) => boolean, expected: string) => {
  const error = `must be ${expected}`;
  return z.string({ error }).refine(isOne, { error });
};

/** A whole number within both bounds. */
export const whole = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
};

/** A number within both bounds. */
export const between = (least: number, most: number) => {
  const error = `must be a number from ${least} to ${most}`;
  return z.number({ error }).min(least, { error }).max(most, { error });
};

/** @param what the items as messages call them */
export const listOf = <Item extends z.ZodType>(item: Item, least: number, most: number, what: string) => {
  const error = `must be a list of ${least} to ${most} ${what}`;
  return z.array(item, { error }).min(least, { error }).max(most, { error });
};

/** A field that may be left out, or be `null`, which clients write for the same. */
export const orNull = <Field extends z.ZodType>(field: Field) =>
  field.nullish().transform((value): z.output<Field> | undefined => value ?? undefined);

const inputSchema = (schema: z.ZodType) => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
};

interface ListBounds {
  readonly min?: number;
  readonly max: number;
  /** What the items are, for a message such as "must be a list of 2 to 10 texts". */
  readonly what?: string;
}

const items = (count: number) => `${count} ${count === 1 ? 'item' : 'items'}`;

/**
 * `z.array` that stops at the first fault, and before it when there are too many items. zod's own collects every fault of
 * every branch of a union, which takes 17 s of this thread for 4 MB of bad token ids.
 */
export function list<Item extends z.ZodType>(item: Item, { min = 0, max, what }: ListBounds) {
  const whole = what && `must be a list of ${min} to ${max} ${what}`;
  return z
    .unknown()
    .transform((value, context): z.output<Item>[] => {
      const refuse = (message: string, path: PropertyKey[] = [], input: unknown = value) => {
        context.issues.push({ code: 'custom', message, path, input });
        return z.NEVER;
      };
      if (!Array.isArray(value)) return refuse(whole ?? 'must be a list');
      if (value.length > max) return refuse(whole ?? `must be a list of at most ${items(max)}`);
      if (value.length < min) return refuse(whole ?? `must be a list of at least ${items(min)}`);
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
    .meta({ type: 'array', items: inputSchema(item), ...(min > 0 && { minItems: min }), maxItems: max });
}

/** Of the lists in a steering: layers. */
const longestList = 4096;

/**
 * A union whose branch is picked by the value's shape, so that errors speak of the branch that was meant: zod's own list
 * the faults of every branch.
 * @param longest items that a branch which is a list may have at most
 */
export function choice<const Options extends readonly [z.ZodType, ...z.ZodType[]]>(
  options: Options,
  pick: (value: unknown) => number,
  longest = longestList,
) {
  return z
    .unknown()
    .transform((value, context): z.output<Options[number]> => {
      // Longer lists are refused by every branch: one item too many says as much as a million.
      const read = Array.isArray(value) ? value.slice(0, longest + 1) : value;
      const parsed = (options[pick(value)] ?? options[0]).safeParse(read, { error: requirement });
      if (parsed.success) return parsed.data as z.output<Options[number]>;
      // A misspelt key explains what else is missing: it comes first.
      const issues = [...parsed.error.issues].sort((a, b) => rank(a) - rank(b));
      for (const issue of issues) {
        // Alternatives inside a branch: what is wrong inside the one that was meant says more than that none fits.
        const inside = fault(issue);
        const { path, message } = inside.path.length > issue.path.length ? inside : issue;
        context.issues.push({ code: 'custom', message, path: [...path], input: value });
      }
      return z.NEVER;
    })
    .meta({ anyOf: options.map(inputSchema) });
}

const rank = (issue: z.core.$ZodIssue) => (issue.code === 'unrecognized_keys' ? 0 : 1);

export const isObject = (value: unknown) => typeof value === 'object' && value !== null;

/**
 * For a strict object's `error` option.
 * @param field how messages call the object
 * @param requirement what to say of a value that is no object: "must be ..."
 */
export const strictly =
  (field: string, keys: readonly string[], requirement: string) =>
  (issue: { readonly code?: string; readonly keys?: unknown }): string => {
    if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys)) return requirement;
    const unknown = String(issue.keys[0]);
    const meant = closest(unknown, keys);
    const hint = meant === undefined ? `it has: ${keys.join(', ')}.` : `did you mean "${meant}"?`;
    return `${field} has no field ${JSON.stringify(unknown.slice(0, 80))}; ${hint}`;
  };
