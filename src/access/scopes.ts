/**
 * What a key may do. `admin` may do everything and `concepts:write` includes `concepts:read`. A key of `metrics` alone,
 * which lies in some scraper's configuration, sees metrics and load and nothing else.
 */

import type { Scope } from '../schemas/keys.js';

/** What a route needs: a key with that scope, any key that is not for metrics alone, or none (`public`). */
export type RouteScope = Scope | 'public' | 'any';

/** Whether a key with the scopes `granted` may call a route that needs `needed`. */
export function allows(granted: readonly Scope[], needed: RouteScope): boolean {
  if (needed === 'public' || granted.includes('admin')) return true;
  if (needed === 'any') return granted.some((scope) => scope !== 'metrics');
  return granted.includes(needed) || (needed === 'concepts:read' && granted.includes('concepts:write'));
}
