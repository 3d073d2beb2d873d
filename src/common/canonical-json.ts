/**
 * Canonical JSON, for content hashes: one value has exactly one text, and one text exactly one value. `canonicalJson`
 * sorts keys (by UTF-16 code unit, as RFC 8785 does) and refuses whatever JSON would silently change; `parseStrictJson`
 * refuses repeated keys, of which JSON.parse silently keeps the last.
 */

/** Deeper values are refused: a hostile file must not exhaust the stack. */
const maximumDepth = 64;

/** A value that is not JSON, or text that is not strict JSON. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/** @throws JsonError for numbers that are not finite, undefined, functions, class instances, cycles. */
export function canonicalJson(value: unknown): string {
  return write(value, '$', 0);
}

function write(value: unknown, path: string, depth: number): string {
  if (depth > maximumDepth) throw new JsonError(`nested deeper than ${maximumDepth} levels at ${path}`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new JsonError(`${path} is ${value}, which JSON cannot hold`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    // Array.from visits holes too, so they are refused like any other undefined.
    return `[${Array.from(value, (item, i) => write(item, `${path}[${i}]`, depth + 1)).join(',')}]`;
  }
  if (isPlainObject(value)) {
    const members = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${write(value[key], `${path}.${key}`, depth + 1)}`);
    return `{${members.join(',')}}`;
  }
  const kind = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value;
  throw new JsonError(`${path} is of kind ${kind}, which JSON cannot hold`);
}

/** An object as JSON.parse makes it: no array, no class instance. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** @throws JsonError when the text is no JSON or an object in it has a key twice. */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new JsonError(error instanceof Error ? error.message : String(error));
  }
  refuseRepeatedKeys(text);
  return value;
}

/** `text` is valid JSON: a string followed by a colon is a key of the innermost open object. */
function refuseRepeatedKeys(text: string): void {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') open.push(new Set());
    else if (text[at] === '}') open.pop();
    else if (text[at] === '"') {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys !== undefined && isBeforeColon(text, end)) {
        const key: string = JSON.parse(text.slice(at, end));
        if (keys.has(key)) throw new JsonError(`key ${JSON.stringify(key)} stands twice in one object`);
        keys.add(key);
      }
      at = end - 1;
    }
  }
}

/** Index after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isBeforeColon(text: string, start: number): boolean {
  let at = start;
  while (' \t\r\n'.includes(text[at] ?? ':')) at++;
  return text[at] === ':';
}
