/**
 * Reads a call in the syntax of FunctionGemma and Gemma 4, which is no JSON: `call:name{key:value,...}`, strings between
 * `<escape>` or `<|"|>`, keys without quotes.
 */

export interface ReadCall {
  readonly name: string;
  /** JSON. */
  readonly args: string;
}

const stringMarks = ['<escape>', '<|"|>', '"'];

/** @returns null for a text that is no such call */
export function readGemmaCall(text: string): ReadCall | null {
  const [head = '', name] = /^\s*call:\s*([^\s{]+)\s*/.exec(text) ?? [];
  if (name === undefined) return null;
  try {
    const parser = new Parser(text.slice(head.length));
    return { name, args: JSON.stringify(parser.object()) };
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const mostDepth = 64;

class Parser {
  #at = 0;
  #depth = 0;

  constructor(readonly text: string) {}

  #skip(): void {
    while (/\s/.test(this.text[this.#at] ?? '')) this.#at++;
  }

  #takes(mark: string): boolean {
    this.#skip();
    if (!this.text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#takes(mark)) throw new SyntaxError(`expected ${mark}`);
  }

  object(): Record<string, unknown> {
    this.#expect('{');
    const members: [string, unknown][] = [];
    while (!this.#takes('}')) {
      const key = this.#string() ?? this.#word(':');
      this.#expect(':');
      members.push([key, this.#value()]);
      if (!this.#takes(',')) {
        this.#expect('}');
        break;
      }
    }
    return Object.fromEntries(members);
  }

  #value(): unknown {
    if (++this.#depth > mostDepth) throw new SyntaxError('too deep');
    this.#skip();
    let value: unknown;
    if (this.text[this.#at] === '{') value = this.object();
    else if (this.text[this.#at] === '[') value = this.#list();
    else value = this.#string() ?? this.#plain();
    this.#depth--;
    return value;
  }

  #list(): unknown[] {
    this.#expect('[');
    const items: unknown[] = [];
    while (!this.#takes(']')) {
      items.push(this.#value());
      if (!this.#takes(',')) {
        this.#expect(']');
        break;
      }
    }
    return items;
  }

  /** The text between two marks of strings; null where none begins. */
  #string(): string | null {
    const mark = stringMarks.find((one) => this.#takes(one));
    if (mark === undefined) return null;
    const end = this.text.indexOf(mark, this.#at);
    if (end < 0) throw new SyntaxError('a string has no end');
    const text = this.text.slice(this.#at, end);
    this.#at = end + mark.length;
    return text;
  }

  #word(ends: string): string {
    const from = this.#at;
    while (this.#at < this.text.length && !ends.includes(this.text[this.#at] as string)) this.#at++;
    return this.text.slice(from, this.#at).trim();
  }

  /** A number, true, false or null; a string that nobody marked. */
  #plain(): unknown {
    const word = this.#word(',}]');
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null' || word === 'None') return null;
    return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word) ? Number(word) : word;
  }
}
