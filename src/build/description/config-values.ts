/** Reads values of a config.json, which comes from strangers: each is checked before anything is computed from it. */
import { isPlainObject } from '../../common/canonical-json.js';
import { errors, shown } from '../../errors.js';

export type ConfigRecord = Readonly<Record<string, unknown>>;

export const configFile = 'config.json';

export class ConfigValues {
  constructor(readonly record: ConfigRecord) {}

  #wrong(key: string, expected: string): Error {
    return errors.checkpointInvalid(
      configFile,
      `${key} must be ${expected}; received ${shown(JSON.stringify(this.record[key]) ?? 'nothing')}`,
    );
  }

  has(key: string): boolean {
    return this.record[key] !== undefined && this.record[key] !== null;
  }

  /** A whole number of at least 1. @throws SteerdError checkpoint_invalid */
  count(key: string): number {
    const value = this.record[key];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1 || value > 2 ** 31 - 1)
      throw this.#wrong(key, 'a whole number of at least 1');
    return value;
  }

  optionalCount(key: string): number | null {
    return this.has(key) ? this.count(key) : null;
  }

  /** @throws SteerdError checkpoint_invalid */
  positive(key: string): number {
    const value = this.record[key];
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw this.#wrong(key, 'a number above 0');
    return value;
  }

  optionalPositive(key: string): number | null {
    return this.has(key) ? this.positive(key) : null;
  }

  flag(key: string): boolean {
    return this.record[key] === true;
  }

  text(key: string): string | null {
    const value = this.record[key];
    return typeof value === 'string' ? value : null;
  }

  /** @throws SteerdError checkpoint_invalid */
  positives(key: string): Float64Array {
    const value = this.record[key];
    const isOne = (entry: unknown) => typeof entry === 'number' && Number.isFinite(entry) && entry > 0;
    if (!Array.isArray(value) || value.length === 0 || !value.every(isOne))
      throw this.#wrong(key, 'a list of numbers above 0');
    return Float64Array.from(value as number[]);
  }

  /** A list with an entry for each layer; null when there is none. @throws SteerdError checkpoint_invalid */
  perLayer(key: string, layers: number): readonly unknown[] | null {
    const value = this.record[key];
    if (value === undefined || value === null) return null;
    if (!Array.isArray(value) || value.length < layers)
      throw this.#wrong(key, `a list of ${layers} entries, one for each layer`);
    return value;
  }

  inner(key: string): ConfigValues | null {
    const value = this.record[key];
    return isPlainObject(value) ? new ConfigValues(value) : null;
  }
}
