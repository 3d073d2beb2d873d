/**
 * What a key may do. `admin` may do everything and `concepts:write` includes `concepts:read`. A route's scope follows
 * from its method and path, so that a new route is closed until it is named here: it needs `admin`.
 */

export const scopes = ['completions', 'concepts:read', 'concepts:write', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** `public` needs no key, `any` any key. */
export type RouteScope = Scope | 'public' | 'any';

const rules: readonly (readonly [path: RegExp, read: RouteScope, write: RouteScope])[] = [
  [/^\/($|health$|ready$|version$|openapi\.json$|docs($|\/)|playground($|\/))/, 'public', 'admin'],
  [/^\/v1\/models\/pulls?($|\/)/, 'admin', 'admin'],
  [/^\/v1\/models($|\/)/, 'any', 'admin'],
  [/^\/v1\/(chat\/completions|completions|responses)($|\/)/, 'completions', 'completions'],
  [/^\/v1\/steering($|\/)/, 'completions', 'completions'],
  [/^\/(v1\/)?(tokenize|detokenize)$/, 'completions', 'completions'],
  [/^\/v1\/(concepts|fits)($|\/)/, 'concepts:read', 'concepts:write'],
];

/** @param path the route's pattern, such as `/v1/concepts/:name` */
export function scopeOfRoute(method: string, path: string): RouteScope {
  const reads = method === 'GET' || method === 'HEAD';
  const rule = rules.find(([pattern]) => pattern.test(path));
  return rule === undefined ? 'admin' : reads ? rule[1] : rule[2];
}

export function allows(granted: readonly Scope[], needed: RouteScope): boolean {
  if (needed === 'public' || needed === 'any' || granted.includes('admin')) return true;
  return granted.includes(needed) || (needed === 'concepts:read' && granted.includes('concepts:write'));
}
