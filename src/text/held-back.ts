/** How much of a text that comes in pieces must wait, since the next piece may make a mark of it. */

/** Length of the longest end of `text` that begins `mark`. */
export function heldBack(text: string, mark: string): number {
  for (let length = Math.min(text.length, mark.length - 1); length > 0; length--)
    if (mark.startsWith(text.slice(-length))) return length;
  return 0;
}
