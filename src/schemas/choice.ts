/**
 * Unions with one error: zod's own list the faults of every branch; here the shape of a value picks its branch, and only
 * that branch's faults are reported.
 */
import { z } from 'zod';

const inputSchema = (schema: z.ZodType) => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
};

/** Of the lists in a steering: layers. */
const longestList = 4096;

/**
 * A union whose branch is picked by the value's shape, so that errors speak of the branch that was meant.
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
      const parsed = (options[pick(value)] ?? options[0]).safeParse(read);
      if (parsed.success) return parsed.data as z.output<Options[number]>;
      // A misspelt key explains what else is missing: it comes first.
      const issues = [...parsed.error.issues].sort((a, b) => rank(a) - rank(b));
      for (const { path, message } of issues) {
        context.issues.push({ code: 'custom', message, path: [...path], input: value });
      }
      return z.NEVER;
    })
    .meta({ anyOf: options.map(inputSchema) });
}

const rank = (issue: z.core.$ZodIssue) => (issue.code === 'unrecognized_keys' ? 0 : 1);

export const isObject = (value: unknown) => typeof value === 'object' && value !== null;
