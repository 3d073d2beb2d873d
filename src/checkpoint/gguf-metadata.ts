/** The metadata of a GGUF model by key, each value of the type that is asked for. */
import { errors } from '../errors.js';
import type { GgufValue } from './gguf-head.js';

export class GgufMetadata {
  /** `general.architecture`, which begins the keys of the model's own. */
  readonly architecture: string;

  /** @throws SteerdError checkpoint_invalid without an architecture */
  constructor(
    readonly path: string,
    private readonly values: ReadonlyMap<string, GgufValue>,
  ) {
    this.architecture = this.string('general.architecture') ?? this.#absent('general.architecture');
  }

  #absent(key: string): never {
    throw errors.checkpointInvalid(this.path, `its metadata lacks ${key}`);
  }

  #wrong(key: string, expected: string): never {
    throw errors.checkpointInvalid(this.path, `its metadata's ${key} must be ${expected}`);
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  string(key: string): string | undefined {
    const value = this.values.get(key);
    if (value === undefined || typeof value === 'string') return value;
    return this.#wrong(key, 'a string');
  }

  boolean(key: string): boolean | undefined {
    const value = this.values.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    return this.#wrong(key, 'true or false');
  }

  /** Of float32 values the shortest number that rounds to it: 1e-6, where the file has 9.99999997e-7. */
  number(key: string): number | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number)) return this.#wrong(key, 'a number');
    return Number.isInteger(number) ? number : shortest(number);
  }

  count(key: string): number | undefined {
    const value = this.number(key);
    if (value === undefined || (Number.isSafeInteger(value) && value >= 0)) return value;
    return this.#wrong(key, 'a count');
  }

  /** A number that some write as an array with one for each layer, if they are all the same. */
  even(key: string): number | undefined {
    const value = this.values.get(key);
    if (!Array.isArray(value)) return this.count(key);
    const [first] = value as readonly GgufValue[];
    if (typeof first === 'number' && value.every((one) => one === first)) return first;
    throw errors.checkpointUnsupported(this.path, `its layers differ in ${key}`);
  }

  neededEven(key: string): number {
    return this.even(key) ?? this.#absent(key);
  }

  needed(key: string): number {
    return this.number(key) ?? this.#absent(key);
  }

  strings(key: string): readonly string[] | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    const isOne = Array.isArray(value) && value.every((item) => typeof item === 'string');
    return isOne ? (value as readonly string[]) : this.#wrong(key, 'an array of strings');
  }

  numbers(key: string): readonly number[] | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    const isOne = Array.isArray(value) && value.every((item) => typeof item === 'number');
    return isOne ? (value as readonly number[]) : this.#wrong(key, 'an array of numbers');
  }

  booleans(key: string): readonly boolean[] | undefined {
    const value = this.values.get(key);
    if (!Array.isArray(value)) return undefined;
    return value.map((item) => item === true || (typeof item === 'number' && item !== 0));
  }

  /** A key of the architecture's own, such as `block_count`. */
  own(key: string): string {
    return `${this.architecture}.${key}`;
  }
}

function shortest(value: number): number {
  if (Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
