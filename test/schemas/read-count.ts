/** How much of a value is looked at: work that does not depend on how fast or busy the machine is. */

export interface Counted {
  readonly value: unknown;
  /** Items and fields that were read so far, in the value and everything in it. */
  reads(): number;
}

/** `value` as it is, with every reading of an item or a field counted. */
export function countReads(value: unknown): Counted {
  let reads = 0;
  const wrapped = new WeakMap<object, object>();
  const wrap = (inner: unknown): unknown => {
    if (typeof inner !== 'object' || inner === null) return inner;
    const known = wrapped.get(inner);
    if (known !== undefined) return known;
    const proxy = new Proxy(inner, {
      get(target, key, receiver) {
        if (Object.hasOwn(target, key) && key !== 'length') reads++;
        return wrap(Reflect.get(target, key, receiver));
      },
    });
    wrapped.set(inner, proxy);
    return proxy;
  };
  return { value: wrap(value), reads: () => reads };
}
