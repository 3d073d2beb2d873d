/** Reads the begin of a call written as JSON, up to where its arguments begin, from a text that may not be all there yet. */

type CallHead =
  /** What comes next decides. */
  | { readonly kind: 'more'; readonly name: string }
  | { readonly kind: 'no call' }
  /** The value of the arguments begins at `at`; the call ends with that many more braces. */
  | { readonly kind: 'arguments'; readonly name: string; readonly at: number; readonly braces: number }
  /** The whole call, up to `at`; without arguments where it has none. */
  | { readonly kind: 'whole'; readonly name: string; readonly args: string | null; readonly at: number };

const nameKeys = ['name', 'tool_name', 'function_name'];
const argumentsKeys = ['arguments', 'parameters', 'args', 'tool_arguments'];
/** Keys that calls have beside these, and that say nothing more. */
const otherKeys = ['id', 'type', 'index', 'call_id'];

/** @param text begins with `{` */
export function readCallHead(text: string): CallHead {
  let at = 1;
  let braces = 1;
  let name: string | null = null;
  let args: string | null = null;
  const skip = () => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  for (;;) {
    skip();
    if (text[at] === ',') {
      at++;
      continue;
    }
    if (text[at] === '}') {
      at++;
      if (--braces > 0) continue;
      return name === null ? { kind: 'no call' } : { kind: 'whole', name, args, at };
    }
    if (at >= text.length) return { kind: 'more', name: name ?? '' };
    if (text[at] !== '"') return { kind: 'no call' };
    const keyEnd = valueEnd(text, at);
    const begun = text.slice(at + 1, keyEnd ?? text.length);
    if (keyEnd === null) {
      const known = [...nameKeys, ...argumentsKeys, ...otherKeys, 'function'];
      return known.some((key) => key.startsWith(begun))
        ? { kind: 'more', name: name ?? '' }
        : { kind: 'no call' };
    }
    const key = begun.slice(0, -1);
    at = keyEnd;
    skip();
    if (at >= text.length) return { kind: 'more', name: name ?? '' };
    if (text[at] !== ':') return { kind: 'no call' };
    at++;
    skip();
    if (at >= text.length) return { kind: 'more', name: name ?? '' };
    if (key === 'function' && text[at] === '{') {
      at++;
      braces++;
      continue;
    }
    if (argumentsKeys.includes(key) && name !== null) return { kind: 'arguments', name, at, braces };
    const isName = nameKeys.includes(key) || key === 'function';
    if (!isName && !argumentsKeys.includes(key) && !otherKeys.includes(key)) return { kind: 'no call' };
    const end = valueEnd(text, at);
    if (end === null) {
      const partial = isName && text[at] === '"' ? text.slice(at + 1) : '';
      return { kind: 'more', name: name ?? partial };
    }
    const value = text.slice(at, end);
    if (isName) {
      const read = parsed(value);
      if (typeof read !== 'string') return { kind: 'no call' };
      name = read;
    } else if (argumentsKeys.includes(key)) args = argumentsText(value);
    at = end;
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The arguments as JSON of an object: some models write them as a string that holds it. */
export function argumentsText(value: string): string {
  if (value === 'null' || value === '') return '{}';
  const inner = value.startsWith('"') ? parsed(value) : undefined;
  return typeof inner === 'string' ? inner || '{}' : value;
}

/** Where the value that begins at `at` ends, exclusively; null when it does not yet. */
export function valueEnd(text: string, at: number): number | null {
  const scan = new ValueScan();
  const end = scan.push(text, at);
  return scan.ended ? end : null;
}

/** Finds the end of one JSON value in a text that comes in parts. */
export class ValueScan {
  ended = false;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #kind: 'unknown' | 'string' | 'nested' | 'plain' = 'unknown';

  /** @returns where the value ends in this part, or the part's length */
  push(text: string, from = 0): number {
    for (let at = from; at < text.length; at++) {
      const character = text[at] as string;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (character === '\\') this.#escaped = true;
        else if (character === '"') {
          this.#inString = false;
          if (this.#kind === 'string') return this.#end(at + 1);
        }
      } else if (character === '"') {
        if (this.#kind === 'plain') return this.#end(at);
        this.#inString = true;
        if (this.#kind === 'unknown') this.#kind = 'string';
      } else if (character === '{' || character === '[') {
        if (this.#kind === 'plain') return this.#end(at);
        this.#kind = 'nested';
        this.#depth++;
      } else if (character === '}' || character === ']') {
        if (this.#kind !== 'nested') return this.#end(at);
        if (--this.#depth === 0) return this.#end(at + 1);
      } else if (this.#kind === 'plain' ? /[\s,]/.test(character) : false) {
        return this.#end(at);
      } else if (this.#kind === 'unknown' && !/\s/.test(character)) {
        if (character === ',') return this.#end(at);
        this.#kind = 'plain';
      }
    }
    return text.length;
  }

  #end(at: number): number {
    this.ended = true;
    return at;
  }
}
