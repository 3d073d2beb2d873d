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
