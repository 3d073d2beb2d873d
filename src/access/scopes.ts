/** What a key may do. `admin` may do everything and `concepts:write` includes `concepts:read`. */

export const scopes = ['completions', 'concepts:read', 'concepts:write', 'admin'] as const;
type Scope = (typeof scopes)[number];

/** What a route needs: a key with that scope, any key at all, or none (`public`). */
export type RouteScope = Scope | 'public' | 'any';

/** Whether a key with the scopes `granted` may call a route that needs `needed`. */
export function allows(granted: readonly Scope[], needed: RouteScope): boolean {
  if (needed === 'public' || needed === 'any' || granted.includes('admin')) return true;
  return granted.includes(needed) || (needed === 'concepts:read' && granted.includes('concepts:write'));
}
