/** The stages of a fit as its events tell them, and how long the last one will take. */

export interface Stage {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** Milliseconds since 1970 when the page first heard of it, and how much was done by then. */
  readonly seen: number;
  readonly first: number;
}

interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** The stages with what was heard now; one that comes again after another counts anew. */
export function stagesWith(stages: readonly Stage[], progress: Progress, now: number): readonly Stage[] {
  const last = stages.at(-1);
  if (last?.stage === progress.stage && progress.done >= last.done)
    return [...stages.slice(0, -1), { ...last, ...progress }];
  return [...stages, { ...progress, seen: now, first: progress.done }];
}

/** Milliseconds that have to pass before a guess is worth anything. */
const leastTime = 1500;

/** Seconds that are left of it; null while nothing tells. */
export function secondsLeft({ done, total, seen, first }: Stage, now: number): number | null {
  const since = now - seen;
  if (since < leastTime || done <= first || done >= total) return null;
  return ((total - done) * since) / (done - first) / 1000;
}

/** `40 s`, `3 min`. */
export const timeText = (seconds: number): string =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;

const words: Readonly<Record<string, string>> = {
  select: 'looking where it attends',
  write: 'writing texts',
  answer: 'writing answers',
  answers: 'writing answers',
  capture: 'reading activations',
  direction: 'finding the direction of each layer',
  judge: 'judging answers',
  'side effects': 'looking for side effects',
  read: 'measuring what answers read',
  store: 'storing it',
};

/** A stage's name, such as `texts: capture` or `calibrate: judge`, for people. */
export function stageText(stage: string): string {
  const parts = stage.split(': ');
  const last = parts.pop() ?? '';
  const what = words[last] ?? last;
  const of = parts.map((part) => (part === 'calibrate' ? 'calibrating' : `recipe ${part}`)).join(', ');
  const text = of === '' ? what : `${of}: ${what}`;
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
