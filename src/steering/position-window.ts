/** Which positions of a text an item steers, as the engine counts them: from <= p < to, the prompt's first token at 0. */
import { errors } from '../errors.js';
import type { SteeringPositions } from '../schemas/steering.js';

export interface PositionWindow {
  readonly from: number;
  /** Exclusive; Infinity for an open end. */
  readonly to: number;
}

/**
 * A token is drawn from the logits of the position before it, so `generated` begins at the prompt's last position: it
 * is every position whose logits choose a token of the answer. `prompt` is what is before: the two share no position, so
 * that items for either never act together, and make up `all`.
 * @param promptLength tokens of the prompt, at least one
 * @param capacity of the model's context
 * @throws SteerdError invalid_value for a window that begins behind the context's end
 */
export function positionWindow(
  positions: SteeringPositions,
  promptLength: number,
  capacity: number,
  param: string,
): PositionWindow {
  const to = Number.POSITIVE_INFINITY;
  if (positions === 'all') return { from: 0, to };
  if (positions === 'prompt') return promptWindow(promptLength);
  if (positions === 'generated') return answerWindow(promptLength);
  if ('last' in positions) return { from: Math.max(0, promptLength - positions.last), to };
  if (positions.from >= capacity) {
    throw errors.invalidValue(`${param}.from`, `below the context's ${capacity} tokens`, positions.from);
  }
  return { from: positions.from, to: positions.to };
}

/** What is before the position that the answer's first token is drawn at. */
export const promptWindow = (promptLength: number): PositionWindow => ({ from: 0, to: promptLength - 1 });

/** That one, and all behind it. */
export const answerWindow = (promptLength: number): PositionWindow => ({
  from: promptLength - 1,
  to: Number.POSITIVE_INFINITY,
});

/** Where both are open; nowhere when it ends before it begins. */
export const common = (a: PositionWindow, b: PositionWindow): PositionWindow => ({
  from: Math.max(a.from, b.from),
  to: Math.min(a.to, b.to),
});

/** The stretches, ascending, within which the same windows are open, each with the indices of those; none is empty. */
export function stretches(
  windows: readonly PositionWindow[],
): readonly { readonly window: PositionWindow; readonly open: readonly number[] }[] {
  const edges = [...new Set(windows.flatMap(({ from, to }) => [from, to]))].sort((a, b) => (a < b ? -1 : 1));
  return edges.slice(0, -1).flatMap((from, i) => {
    const to = edges[i + 1] as number;
    const open = [...windows.keys()].filter((at) => {
      const window = windows[at] as PositionWindow;
      return window.from <= from && to <= window.to;
    });
    return open.length === 0 ? [] : [{ window: { from, to }, open }];
  });
}
