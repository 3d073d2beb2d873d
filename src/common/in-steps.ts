/** Progress as it is told: the first of it, the last, and some in between. */

/** Milliseconds between two notes. */
const noteEvery = 100;

/** Every piece of a file would be thousands of notes a second. */
export function inSteps<Progress extends { readonly done: number; readonly total: number }>(
  note: (progress: Progress) => void,
): (progress: Progress) => void {
  let next = 0;
  return (progress) => {
    const at = performance.now();
    if (at < next && progress.done < progress.total) return;
    next = at + noteEvery;
    note(progress);
  };
}
