/** What every operation owes to API keys, added to the OpenAPI document as a whole: no route has to say it. */
import { scopeOfRoute } from '../access/scopes.js';
import { errorResponses } from '../schemas/errors.js';

interface Operation {
  responses?: Record<string, object>;
  security?: object[];
  description?: string;
  [key: string]: unknown;
}

const methods = ['get', 'put', 'post', 'delete', 'patch', 'head'] as const;
const errorSchema = { $ref: '#/components/schemas/Error' };

/** Adds the security scheme, and to each operation that needs a key its scope and the answers 401, 403 and 429. */
export function describeAccess<Kind extends { readonly paths?: object; readonly components?: object }>(
  document: Kind,
): Kind {
  const paths = Object.entries(document.paths ?? {}).map(([path, item]: [string, object]) => [
    path,
    describePath(path, item as Record<string, Operation>),
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

function describePath(path: string, item: Record<string, Operation>): object {
  const operations = methods.flatMap((method): [string, Operation][] => {
    const operation = item[method];
    if (operation === undefined) return [];
    const scope = scopeOfRoute(method.toUpperCase(), path);
    return [[method, scope === 'public' ? operation : withAccess(operation, scope)]];
  });
  return { ...item, ...Object.fromEntries(operations) };
}

function withAccess(operation: Operation, scope: string): Operation {
  const added = Object.entries(errorResponses(401, 403, 429)).map(([status, { description }]) => [
    status,
    { description, content: { 'application/json': { schema: errorSchema } } },
  ]);
  return {
    ...operation,
    security: [{ apiKey: scope === 'any' ? [] : [scope] }, {}],
    responses: { ...Object.fromEntries(added), ...operation.responses },
  };
}
