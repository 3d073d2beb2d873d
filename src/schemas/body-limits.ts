/**
 * Bodies that may be larger than others, in proportion to the setting `bodyLimit`: whoever lowers it lowers them too, and
 * they never have less than it.
 */
const mebibyte = 1024 * 1024;

const kinds = {
  /** `mostStatements` of each side with some 1,600 bytes each. */
  fits: { times: 4, most: 16 * mebibyte },
  /** Vectors of large models as JSON. */
  vectors: { times: 16, most: 64 * mebibyte },
} as const;

/** @param bodyLimit of all other bodies, in bytes */
export function largerBodies(kind: keyof typeof kinds, bodyLimit = mebibyte): number {
  const { times, most } = kinds[kind];
  return Math.max(bodyLimit, Math.min(times * bodyLimit, most));
}
