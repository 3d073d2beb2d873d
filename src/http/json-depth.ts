/** Checks how deep JSON is nested on its text, before anything recursive parses or walks it. */

/**
 * Levels that a body, and JSON in a string of one, may have, far more than any request or JSON schema of use: whatever walks
 * a value calls itself for each.
 */
export const mostJsonDepth = 128;

const quote = 0x22;
const backslash = 0x5c;

/** @param json need not be valid: brackets outside of strings are counted */
export function isDeeperThan(json: string, limit: number): boolean {
  // Each level has a character that opens it.
  if (json.length <= limit) return false;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case quote:
        at = endOfString(json, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > limit) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
    }
  }
  return false;
}

/** Index of the quote that closes the string which opens at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json.charCodeAt(at) !== quote) at += json.charCodeAt(at) === backslash ? 2 : 1;
  return at;
}
