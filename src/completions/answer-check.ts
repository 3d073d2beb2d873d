/**
 * Whether a finished text is what its constraint asks for, told by other means than the grammar that held it. Expressions come
 * with requests, and on some texts they take for ever: where the time is over, nobody can tell, and the text counts as fitting.
 */
import { z } from 'zod';
import { withinTime } from '../common/time-limit.js';
import { isDeeperThan, mostJsonDepth } from '../http/json-depth.js';

/** Milliseconds: this thread waits meanwhile. */
const longest = 400;

/** Whether the whole text matches; true for an expression that JavaScript cannot read. */
export function matches(expression: string, text: string): boolean {
  let whole: RegExp;
  try {
    whole = new RegExp(`^(?:${expression})$`, 'u');
  } catch {
    return true;
  }
  return withinTime(() => whole.test(text), longest)?.result ?? true;
}

/** Whether the text is JSON that validates; of a schema that zod cannot read, whether it is JSON. */
export function validates(schema: unknown, text: string): boolean {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  if (isDeeperThan(text, mostJsonDepth)) return true;
  let judge: z.ZodType;
  try {
    judge = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  } catch {
    return true;
  }
  return withinTime(() => judge.safeParse(value).success, longest)?.result ?? true;
}
