/** Kinds of field that several requests have, each with one message for whatever is wrong with it. */
import { z } from 'zod';

/** A text that says something. */
export const text = (limit: number, error = `must be a text of 1 to ${limit} characters`) =>
  z
    .string({ error })
    .min(1, { error })
    .max(limit, { error })
    .refine((value) => value.trim() !== '', { error });

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
