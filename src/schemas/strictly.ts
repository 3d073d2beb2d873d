/** Errors of strict objects: for a key that does not exist, the one that was probably meant. */
import { closest } from '../common/closest.js';

/**
 * For a strict object's `error` option.
 * @param field how messages call the object
 * @param requirement what to say of a value that is no object: "must be ..."
 */
export const strictly =
  (field: string, keys: readonly string[], requirement: string) =>
  (issue: { readonly code?: string; readonly keys?: unknown }): string => {
    if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys)) return requirement;
    const unknown = String(issue.keys[0]);
    const meant = closest(unknown, keys);
    const hint = meant === undefined ? `it has: ${keys.join(', ')}.` : `did you mean "${meant}"?`;
    return `${field} has no field ${JSON.stringify(unknown.slice(0, 80))}; ${hint}`;
  };
