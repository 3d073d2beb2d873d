/** What a judge wrote, made into a score: judges that were asked for JSON still wrap it, or talk around it. */

export interface Marked {
  readonly score: number;
  readonly reason: string;
}

const longestReason = 400;

/**
 * Null when there is no whole score from 0 to `most` in it. A JSON object counts wherever it stands, the last one that has
 * a score first: judges that think aloud come to their mark at the end.
 */
export function readMark(text: string, most: number): Marked | null {
  for (const object of objectsIn(text).reverse()) {
    const score = wholeOf(object.score);
    if (score === null || score < 0 || score > most) continue;
    const { reason } = object;
    return { score, reason: typeof reason === 'string' ? reason.slice(0, longestReason) : '' };
  }
  return null;
}

function wholeOf(value: unknown): number | null {
  if (typeof value === 'boolean') return Number(value);
  const number = typeof value === 'string' && /^\d{1,3}(\.0+)?$/.test(value.trim()) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : null;
}

/** Every object that is not inside of another, in order. */
function objectsIn(text: string): Record<string, unknown>[] {
  const found: Record<string, unknown>[] = [];
  for (let at = text.indexOf('{'); at >= 0; at = text.indexOf('{', at)) {
    const end = endOfObject(text, at);
    const value = end === null ? undefined : parsed(text.slice(at, end));
    if (value === undefined) at++;
    else {
      found.push(value);
      at = end as number;
    }
  }
  return found;
}

/** Behind the brace that closes the one at `start`; null where none does. */
function endOfObject(text: string, start: number): number | null {
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '\\') i++;
      else if (c === '"') quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === '{') depth++;
    else if (c === '}' && --depth === 0) return i + 1;
  }
  return null;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
