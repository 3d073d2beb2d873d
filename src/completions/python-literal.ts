/** Values as Python writes them, as JSON: what models that call tools in Python's syntax put into their arguments. */

const mostDepth = 64;

/** @returns JSON; null for a text that is no literal */
export function pythonJson(text: string): string | null {
  try {
    return new Parser(text).whole();
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

const words: Readonly<Record<string, string>> = {
  True: 'true',
  true: 'true',
  False: 'false',
  false: 'false',
  None: 'null',
  null: 'null',
};

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '0': '\0',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '/': '/',
  '\n': '',
};

/** Digits of the escapes that name a character by its code. */
const codeDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

class Parser {
  #at = 0;
  #depth = 0;

  constructor(readonly text: string) {}

  whole(): string {
    const value = this.#value();
    this.#skip();
    if (this.#at < this.text.length) throw new SyntaxError('more than a value');
    return value;
  }

  #skip(): void {
    while (/\s/.test(this.text[this.#at] ?? '')) this.#at++;
  }

  #takes(mark: string): boolean {
    this.#skip();
    if (!this.text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.text) ?? [];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }

  #value(): string {
    if (++this.#depth > mostDepth) throw new SyntaxError('too deep');
    this.#skip();
    const value = this.#nested() ?? this.#strings() ?? this.#number() ?? this.#word();
    this.#depth--;
    return value;
  }

  #nested(): string | null {
    if (this.#takes('[')) return `[${this.#items(']').items.join(', ')}]`;
    if (this.#takes('(')) {
      const { items, commas } = this.#items(')');
      // Brackets around one value are no tuple.
      return items.length === 1 && commas === 0 ? (items[0] as string) : `[${items.join(', ')}]`;
    }
    return this.#takes('{') ? this.#members() : null;
  }

  #items(end: string): { items: string[]; commas: number } {
    const items: string[] = [];
    let commas = 0;
    while (!this.#takes(end)) {
      items.push(this.#value());
      if (this.#takes(',')) commas++;
      else if (this.#takes(end)) break;
      else throw new SyntaxError(`expected ${end}`);
    }
    return { items, commas };
  }

  #members(): string {
    const members: string[] = [];
    while (!this.#takes('}')) {
      const key = this.#value();
      if (!this.#takes(':')) throw new SyntaxError('expected :');
      members.push(`${key.startsWith('"') ? key : JSON.stringify(key)}: ${this.#value()}`);
      if (!this.#takes(',') && this.text[this.#at] !== '}') throw new SyntaxError('expected }');
    }
    return `{${members.join(', ')}}`;
  }

  /** Strings beside each other are one. */
  #strings(): string | null {
    let text: string | null = null;
    for (;;) {
      this.#skip();
      const part = this.#string();
      if (part === null) return text === null ? null : JSON.stringify(text);
      text = (text ?? '') + part;
    }
  }

  #string(): string | null {
    const opening = this.#match(/[rRbBuUfF]{0,2}(?:"""|'''|"|')/y);
    if (opening === null) return null;
    const [prefix = '', quote = ''] = /^([a-zA-Z]*)(.*)$/.exec(opening)?.slice(1) ?? [];
    const raw = /r/i.test(prefix);
    let text = '';
    while (!this.text.startsWith(quote, this.#at)) {
      const character = this.text[this.#at];
      if (character === undefined) throw new SyntaxError('a string has no end');
      this.#at++;
      text += character === '\\' && !raw ? this.#escaped() : character;
    }
    this.#at += quote.length;
    return text;
  }

  #escaped(): string {
    const kind = this.text[this.#at++] ?? '';
    const digits = codeDigits[kind];
    const code = digits === undefined ? null : this.#match(new RegExp(`[0-9a-fA-F]{${digits}}`, 'y'));
    if (code !== null) {
      const point = Number.parseInt(code, 16);
      if (point > 0x10ffff) throw new SyntaxError('no character');
      return String.fromCodePoint(point);
    }
    // Python keeps the backslash of what is no escape.
    return escapes[kind] ?? `\\${kind}`;
  }

  #number(): string | null {
    const found = this.#match(/[+-]?(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?(?![\w.])/y);
    if (found === null) return null;
    const plain = found.replaceAll('_', '').replace(/^\+/, '');
    // As it stands where JSON writes it so, since numbers may be longer than they are exact.
    if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(plain)) return plain;
    const value = Number(plain);
    if (!Number.isFinite(value)) throw new SyntaxError('no number');
    return JSON.stringify(value);
  }

  #word(): string {
    const word = words[this.#match(/[A-Za-z_]\w*/y) ?? ''];
    if (word === undefined) throw new SyntaxError('no literal');
    return word;
  }
}
