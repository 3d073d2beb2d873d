/**
 * `concept@version`: a name with a version of it, by the first digits of its hash. Names have no `@`. A pin means the same
 * numbers for ever, whatever its name comes to mean.
 */
const pin = /^(.+)@([0-9a-f]{8,64})$/;

interface PinnedName {
  readonly name: string;
  /** The first digits, at least 8; null for a name alone, which means its newest version. */
  readonly version: string | null;
}

export function readPin(asked: string): PinnedName {
  const [, name, version] = pin.exec(asked) ?? [];
  return name === undefined || version === undefined ? { name: asked, version: null } : { name, version };
}

/** The one of `versions` that begins so; undefined where none does, or several do. */
export function pinnedVersion<Version extends { readonly version: string }>(
  versions: readonly Version[],
  beginning: string,
): Version | undefined {
  const found = versions.filter(({ version }) => version.startsWith(beginning));
  return new Set(found.map(({ version }) => version)).size === 1 ? found[0] : undefined;
}
