/** A sequence's edit together with the directions that it monitors: which terms the graph computes, and which of them are read. */
import type { ActivationEdit, EditTerm } from '../protocol.js';

export interface MonitoredEdit {
  /** The edit, with a further term for each monitored direction that is not one of its terms already. */
  readonly edit: ActivationEdit;
  /** Of each monitored direction: the index of its term. */
  readonly monitored: readonly number[];
}

/** Applies at no position, so its coefficients are zero everywhere. */
const nowhere = { add: new Float32Array(0), scale: new Float32Array(0), from: 0, to: 0 };

/**
 * Monitoring uses the edit's inputs: a monitored direction becomes a term with zero coefficients. The graph then gives
 * its projections, and the same logits to the bit as without it.
 * @param monitor M directions, [L * H] unit vectors each
 */
export function withMonitored(edit: ActivationEdit, monitor: readonly Float32Array[] = []): MonitoredEdit {
  if (monitor.length === 0) return { edit, monitored: [] };
  const all: EditTerm[] = [...edit];
  const monitored = monitor.map((vectors) => {
    const known = all.findIndex((term) => term.vectors === vectors);
    return known >= 0 ? known : all.push({ vectors, ...nowhere }) - 1;
  });
  return { edit: all, monitored };
}

/**
 * The terms that act in an answer, and those that are monitored. A term that acts in the prompt alone (an ablation has two of
 * them) would be computed at every token, and might make a step longer than those that a device has recorded.
 * @param acts whether the term of an index acts there
 */
export function inAnswer(
  edit: ActivationEdit,
  monitored: readonly number[],
  acts: (index: number) => boolean,
): MonitoredEdit {
  const kept = edit.map((_, index) => index).filter((index) => acts(index) || monitored.includes(index));
  if (kept.length === edit.length) return { edit, monitored };
  return {
    edit: kept.map((index) => edit[index] as EditTerm),
    monitored: monitored.map((index) => kept.indexOf(index)),
  };
}
