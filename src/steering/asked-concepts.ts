/** Which stored concepts a request names: they are read before anything is worked out with them. */

/** @param items of a request, steering or monitored; those that bring vectors name none */
export function conceptNames(items: Iterable<object>): string[] {
  return [...items].flatMap((item) =>
    'concept' in item && typeof item.concept === 'string' ? [item.concept] : [],
  );
}
