/** What an attention mask lets each token see: everything before it, or a sliding window. */

/** A mask as a graph adds it to its scores: float32 [tokens, past + tokens]. */
export interface ObservedMask {
  readonly values: Float32Array;
  readonly past: number;
  readonly tokens: number;
}

/** From here down no score brings a key back. */
const hidden = -1e4;

/**
 * How many keys a token sees, itself included, at most; 0 when it sees all before it. Null when the masks are no
 * such thing: they let it see later ones, leave gaps, or weigh keys.
 */
export function windowOf(masks: readonly ObservedMask[]): number | null {
  let window = 0;
  let longest = 0;
  for (const { values, past, tokens } of masks)
    for (let token = 0; token < tokens; token++) {
      const row = values.subarray(token * (past + tokens), (token + 1) * (past + tokens));
      const seen = seenKeys(row, past + token);
      if (seen === null) return null;
      if (seen === past + token + 1) longest = Math.max(longest, seen);
      else if (window !== 0 && window !== seen) return null;
      else window = seen;
    }
  return window !== 0 && longest > window ? null : window;
}

/** Keys that end with `position`, if the mask shows them and no others. */
function seenKeys(row: Float32Array, position: number): number | null {
  const isHidden = (value: number) => value <= hidden;
  const first = row.indexOf(0);
  if (first < 0 || first > position) return null;
  const shown = row.subarray(first, position + 1).every((value) => value === 0);
  const rest = row.subarray(0, first).every(isHidden) && row.subarray(position + 1).every(isHidden);
  return shown && rest ? position + 1 - first : null;
}
