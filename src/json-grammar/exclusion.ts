/** Tells whether two schemas exclude each other, as the alternatives of a `oneOf` must. */
import { isOf, isSchema, type JsonType, type Schema, same, typeList, typeOf } from './schema-parts.js';

const mostDepth = 8;
/** Pairs looked at for one schema as a whole: two lists of alternatives of the longest have half as many. */
const mostPairs = 40_000;

/** What `const` or `enum` lists. */
interface Values {
  /** As JSON. */
  readonly texts: ReadonlySet<string>;
  readonly types: readonly JsonType[];
}

export class Exclusion {
  #pairs = 0;
  /** What is known of a pair: references lead to the same ones again and again, and each way doubles them. */
  readonly #known = new WeakMap<Schema, WeakMap<Schema, boolean>>();
  readonly #values = new WeakMap<Schema, Values | null>();

  /** @param resolve follows references */
  constructor(readonly resolve: (schema: unknown) => unknown) {}

  /**
   * Whether no value can validate against both, told by their types, their const or enum, or a required property's. False
   * also where that would take too long to tell.
   */
  holds(a: unknown, b: unknown, depth = 0): boolean {
    const [x, y] = [this.resolve(a), this.resolve(b)];
    if (x === false || y === false) return true;
    if (!isSchema(x) || !isSchema(y) || depth > mostDepth) return false;
    let others = this.#known.get(x);
    if (others === undefined) {
      others = new WeakMap();
      this.#known.set(x, others);
    }
    const known = others.get(y);
    if (known !== undefined) return known;
    if (++this.#pairs > mostPairs) return false;
    // A pair that leads back to itself says nothing more of itself.
    others.set(y, false);
    const excluded = this.#exclude(x, y, depth);
    others.set(y, excluded);
    return excluded;
  }

  #exclude(x: Schema, y: Schema, depth: number): boolean {
    const [mine, theirs] = [this.#valuesOf(x), this.#valuesOf(y)];
    if (mine && theirs) return ![...mine.texts].some((text) => theirs.texts.has(text));
    const types = [mine ? mine.types : typeList(x), theirs ? theirs.types : typeList(y)] as const;
    if (types[0].length > 0 && types[1].length > 0) {
      const meet = types[0].some((type) => types[1].some((other) => isOf(type, other) || isOf(other, type)));
      if (!meet) return true;
    }
    if (!isSchema(x.properties) || !isSchema(y.properties)) return false;
    // Properties can be compared only if both are objects: a schema without a type allows other values too.
    if (!same(typeList(x), ['object']) || !same(typeList(y), ['object'])) return false;
    const needed = new Set([x.required, y.required].flatMap((names) => (Array.isArray(names) ? names : [])));
    const [p, q] = [x.properties, y.properties];
    return Object.keys(p).some(
      (name) => Object.hasOwn(q, name) && needed.has(name) && this.holds(p[name], q[name], depth + 1),
    );
  }

  /** Null for a schema that lists none. */
  #valuesOf(schema: Schema): Values | null {
    let known = this.#values.get(schema);
    if (known === undefined) {
      const listed = 'const' in schema ? [schema.const] : Array.isArray(schema.enum) ? schema.enum : null;
      known = listed && {
        texts: new Set(listed.map((value) => JSON.stringify(value))),
        types: [...new Set(listed.map(typeOf))],
      };
      this.#values.set(schema, known);
    }
    return known;
  }
}
