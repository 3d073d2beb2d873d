/** Which files a change can reach. */
import type { Import } from '../structure/structure.js';

/** The changed sources and all that import one of them, however far; paths are relative to the package. */
export function reachedBy(changed: readonly string[], imports: readonly Import[]): Set<string> {
  const importers = new Map<string, string[]>();
  for (const { from, to } of imports) importers.set(to, [...(importers.get(to) ?? []), from]);
  const reached = new Set<string>();
  const queue = changed.map((file) => file.replaceAll('\\', '/').replace(/^src\//, ''));
  for (const file of queue) {
    if (reached.has(file)) continue;
    reached.add(file);
    queue.push(...(importers.get(file) ?? []));
    // The application finds its routes and plugins by itself.
    if (/^(routes|plugins)\//.test(file)) queue.push('server/app.ts');
  }
  return reached;
}
