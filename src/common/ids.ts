/** Ids that replies, jobs and calls are known by. */
import { randomBytes } from 'node:crypto';

/** The kind and twelve random bytes in hex, joined as the kind's users write it: `fit-...`, `call_...`. */
export const newId = (kind: string, joint: '-' | '_' = '-'): string =>
  `${kind}${joint}${randomBytes(12).toString('hex')}`;
