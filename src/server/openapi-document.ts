/**
 * What is done to the OpenAPI document after the routes' schemas have made it: each operation that needs an API key
 * says so, schemas that nothing refers to go, and paths and schemas stand in an order that does not change by chance.
 */
import type { RouteScope } from '../access/scopes.js';
import { errorResponses } from '../schemas/errors.js';

/** Where an operation carries its route's scope until `finishDocument` makes `security` of it. */
export const scopeField = 'x-steerd-scope';

interface Document {
  readonly paths?: object;
  readonly components?: { readonly schemas?: object };
}

interface Operation {
  readonly responses?: Readonly<Record<string, object>>;
  readonly [scopeField]?: RouteScope;
}

const methods = ['get', 'put', 'post', 'delete', 'patch', 'head'] as const;
const schemaPrefix = '#/components/schemas/';
const reference = new RegExp(`"${schemaPrefix}([^"]+)"`, 'g');

/** @param document with the scope of each operation in `scopeField` */
export function finishDocument<Kind extends Document>(document: Kind): Kind {
  return keepUsedSchemas(describeAccess(document));
}

/** Adds the security scheme, and to each operation that needs a key its scope and the answers 401, 403 and 429. */
function describeAccess<Kind extends Document>(document: Kind): Kind {
  const paths = Object.entries(document.paths ?? {}).map(([path, item]: [string, object]) => [
    path,
    describePath(item as Record<string, Operation>),
  ]);
  const securitySchemes = {
    apiKey: {
      type: 'http',
      scheme: 'bearer',
      description: 'Made by `steerd keys add`. Not needed on a server without keys.',
    },
  };
  return {
    ...document,
    paths: Object.fromEntries(paths),
    components: { ...document.components, securitySchemes },
  };
}

function describePath(item: Readonly<Record<string, Operation>>): object {
  const operations = methods.flatMap((method) => {
    const operation = item[method];
    return operation === undefined ? [] : [[method, describeOperation(operation)]];
  });
  return { ...item, ...Object.fromEntries(operations) };
}

function describeOperation({ [scopeField]: scope, ...operation }: Operation): object {
  if (scope === undefined || scope === 'public') return operation;
  const added = Object.entries(errorResponses(401, 403, 429)).map(([status, { description }]) => [
    status,
    { description, content: { 'application/json': { schema: { $ref: `${schemaPrefix}Error` } } } },
  ]);
  return {
    ...operation,
    security: [{ apiKey: scope === 'any' ? [] : [scope] }, {}],
    responses: { ...Object.fromEntries(added), ...operation.responses },
  };
}

const sorted = (entries: readonly (readonly [string, unknown])[]) =>
  Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));

/**
 * Each zod schema comes as two components, `Name` for replies and `NameInput` for requests, of which mostly
 * one is needed: keeps those in use, and calls a lone `NameInput` by its name.
 */
function keepUsedSchemas<Kind extends Document>(document: Kind): Kind {
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
    (_, name: string) => `"${schemaPrefix}${finalName(name)}"`,
  );
  return JSON.parse(renamed) as Kind;
}
