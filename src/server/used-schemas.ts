/** Trims an OpenAPI document to what is referred to, and puts it in an order that does not change by chance. */

const prefix = '#/components/schemas/';
const reference = new RegExp(`"${prefix}([^"]+)"`, 'g');

interface Document {
  readonly paths?: object;
  readonly components?: { readonly schemas?: object };
}

const sorted = (entries: [string, unknown][]) =>
  Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

/**
 * Each zod schema comes as two components, `Name` for replies and `NameInput` for requests, of which mostly
 * one is needed: keeps those in use, and calls a lone `NameInput` by its name.
 */
export function keepUsedSchemas<Kind extends Document>(document: Kind): Kind {
  const schemas = Object.entries(document.components?.schemas ?? {});
  const byName = new Map<string, unknown>(schemas);
  const used = new Set<string>();
  const follow = (part: unknown): void => {
    for (const [, name] of JSON.stringify(part).matchAll(reference)) {
      if (name === undefined || used.has(name)) continue;
      used.add(name);
      follow(byName.get(name) ?? {});
    }
  };
  follow({ ...document, components: undefined });

  const finalName = (name: string) => {
    const base = name.replace(/Input$/, '');
    return used.has(base) ? name : base;
  };
  const kept = schemas
    .filter(([name]) => used.has(name))
    .map(([name, schema]): [string, unknown] => [finalName(name), schema]);
  const tidy = {
    ...document,
    paths: sorted(Object.entries(document.paths ?? {})),
    components: { ...document.components, schemas: sorted(kept) },
  };
  const renamed = JSON.stringify(tidy).replace(
    reference,
    (_, name: string) => `"${prefix}${finalName(name)}"`,
  );
  return JSON.parse(renamed) as Kind;
}
