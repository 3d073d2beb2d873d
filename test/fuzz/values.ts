/** Values that a schema allows; names that mean something on the server come from the caller. */
import type { Chance } from './chance.js';
import type { Description, Schema } from './document.js';

/** By property name: a value of use there instead of any that the schema allows. */
export type Hints = Readonly<Record<string, (chance: Chance) => unknown>>;

const words = ['the', 'sea', 'a b', 'Ünïcode 🙂', '日本語', 'x', '0', '\n', 'null', '{}', '%', '../..'];
const patterns: readonly string[] = ['get_weather', '42', 'a', '', '0123abcd'];
/** Share of the optional properties that are given. */
const optionalShare = 0.2;
const deepest = 6;

export class Values {
  constructor(
    readonly description: Pick<Description, 'resolve'>,
    readonly chance: Chance,
    readonly hints: Hints,
  ) {}

  /** A value that `asked` allows, as far as its keywords tell. */
  of(asked: Schema, depth = 0): unknown {
    const { chance } = this;
    const schema = this.description.resolve(asked);
    const examples = schema.examples ?? (schema.example === undefined ? [] : [schema.example]);
    if (examples.length > 0 && chance.in(0.25)) return structuredClone(chance.pick(examples));
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return chance.pick(schema.enum);
    const branches = schema.anyOf ?? schema.oneOf;
    if (branches !== undefined) {
      const branch = chance.pick(branches);
      return this.of(schema.properties === undefined ? branch : narrowed(schema, branch), depth);
    }
    const type = typeof schema.type === 'string' ? schema.type : chance.pick(schema.type ?? anything);
    switch (type) {
      case 'null':
        return null;
      case 'boolean':
        return chance.in(0.5);
      case 'integer':
        return this.#integer(schema);
      case 'number':
        return this.#number(schema);
      case 'string':
        return this.#string(schema);
      case 'array':
        return this.#array(schema, depth);
      default:
        return this.#object(schema, depth);
    }
  }

  /** A property's value: the hint's in most cases. */
  property(name: string, schema: Schema, depth = 0): unknown {
    const hint = Object.hasOwn(this.hints, name) ? this.hints[name] : undefined;
    return hint !== undefined && this.chance.in(0.9) ? hint(this.chance) : this.of(schema, depth);
  }

  #integer({ minimum = -1000, maximum = 1000 }: Schema): number {
    const { chance } = this;
    if (chance.in(0.15)) return chance.pick([minimum, maximum]);
    return chance.whole(Math.max(minimum, -5), Math.min(maximum, Math.max(minimum, -5) + 12));
  }

  #number({ minimum, maximum, exclusiveMinimum }: Schema): number {
    const { chance } = this;
    const least = minimum ?? (exclusiveMinimum === undefined ? -2 : exclusiveMinimum + 1e-6);
    const most = maximum ?? least + 4;
    if (chance.in(0.15)) return chance.pick([least, most]);
    return least + chance.uniform() * (Math.min(most, least + 10) - least);
  }

  #string({ minLength = 0, maxLength = 2000, pattern }: Schema): string {
    const { chance } = this;
    if (pattern !== undefined) {
      const expression = new RegExp(pattern);
      return chance.pick(patterns.filter((text) => expression.test(text)));
    }
    let text = chance.pick(words);
    while (chance.in(0.5)) text += ` ${chance.pick(words)}`;
    return text.padEnd(minLength, 'a').slice(0, maxLength);
  }

  #array({ items = {}, minItems = 0, maxItems = 8 }: Schema, depth: number): unknown[] {
    const { chance } = this;
    const most = Math.min(maxItems, minItems + (depth > deepest ? 0 : 2));
    return Array.from({ length: chance.whole(minItems, most) }, () => this.of(items, depth + 1));
  }

  #object(schema: Schema, depth: number): Record<string, unknown> {
    const { properties = {}, required = [], additionalProperties } = schema;
    const value: Record<string, unknown> = {};
    for (const [name, property] of Object.entries(properties)) {
      const given = required.includes(name) || (depth <= deepest && this.chance.in(optionalShare));
      if (given) value[name] = this.property(name, property, depth + 1);
    }
    const more = typeof additionalProperties === 'object' && Object.keys(properties).length === 0;
    while (more && depth <= deepest && this.chance.in(0.5)) {
      value[this.chance.pick(['a', '1', '7', 'key'])] = this.of(additionalProperties, depth + 1);
    }
    return value;
  }
}

/** An object's schema that one of its `anyOf` says more of. */
const narrowed = ({ anyOf: _, oneOf: __, ...schema }: Schema, branch: Schema): Schema => ({
  ...schema,
  properties: { ...schema.properties, ...branch.properties },
  required: [...(schema.required ?? []), ...(branch.required ?? [])],
});

const anything = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];
