/**
 * Monitoring is steering by nothing: a monitored direction becomes a term whose coefficients are zero, so that
 * the graph computes its projections and, to the bit, the logits it computes without it.
 */
import type { ActivationEdit, EditTerm } from '../protocol.js';

export interface MonitoredEdit {
  /** The edit, with a term for each monitored direction that it does not steer by already. */
  readonly edit: ActivationEdit;
  /** Of each monitored direction: the index of its term. */
  readonly terms: readonly number[];
}

/** At no position does it apply: the coefficients there are zero without being asked for. */
const nowhere = { add: new Float32Array(0), scale: new Float32Array(0), from: 0, to: 0 };

/** @param monitor M directions [L * H]. */
export function monitoredEdit(edit: ActivationEdit, monitor: readonly Float32Array[]): MonitoredEdit {
  if (monitor.length === 0) return { edit, terms: [] };
  const all: EditTerm[] = [...edit];
  const terms = monitor.map((vectors) => {
    const known = all.findIndex((term) => term.vectors === vectors);
    return known >= 0 ? known : all.push({ vectors, ...nowhere }) - 1;
  });
  return { edit: all, terms };
}
