/** What stores find concepts by. */
import { createHash } from 'node:crypto';

/** Models' ids have no control characters, so no two pairs share a key. */
export function conceptKey(model: string, name: string): string {
  return `${model}\0${name}`;
}

/** The beginning of a concept's file names: no model or name can reach outside a folder or be too long for it. */
export function conceptStem(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 32);
}
