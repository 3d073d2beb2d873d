/** Whether a finished text is what its constraint asks for, told by other means than the grammar that held it. */
import { z } from 'zod';

/** Whether the whole text matches; true for an expression that JavaScript cannot read. */
export function matches(expression: string, text: string): boolean {
  try {
    return new RegExp(`^(?:${expression})$`, 'u').test(text);
  } catch {
    return true;
  }
}

/** Whether the text is JSON that validates; of a schema that zod cannot read, whether it is JSON. */
export function validates(schema: unknown, text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  let judge: z.ZodType;
  try {
    judge = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return true;
  }
  return judge.safeParse(value).success;
}
