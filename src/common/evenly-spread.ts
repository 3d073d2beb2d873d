/** A sample without chance: the same items give the same ones. */

/** `count` of the items in their order, the first and the last gap half as wide as the others. */
export function evenlySpread<Item>(items: readonly Item[], count: number): Item[] {
  if (count >= items.length) return [...items];
  return Array.from(
    { length: count },
    (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)] as Item,
  );
}
