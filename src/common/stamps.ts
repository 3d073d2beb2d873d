/** What the API's objects carry besides their contents: an `id` and the time they were `created`. */
import { randomBytes } from 'node:crypto';

/**
 * An id that no other object has: its kind and twelve random bytes in hexadecimal.
 * @param joint what the kind's users expect between the two: `fit-...`, `call_...`
 */
export const newId = (kind: string, joint: '-' | '_' = '-'): string =>
  `${kind}${joint}${randomBytes(12).toString('hex')}`;

/** The time now, in whole seconds since 1970: the unit of OpenAI's `created` fields. */
export const unixSeconds = (): number => Math.floor(Date.now() / 1000);
