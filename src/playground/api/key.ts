/** The API key: asked for when the server first wants one, and kept in memory only, so that a reload forgets it. */
import { signal } from '@preact/signals';

/** What is asked; null when nothing is. The shell shows it as a dialog. */
export interface KeyQuestion {
  /** Why the server refused, in its words. */
  readonly reason: string;
  answer(key: string | null): void;
}

export const keyQuestion = signal<KeyQuestion | null>(null);
/** Whether requests carry a key. */
export const hasKey = signal(false);

let key: string | null = null;
let asking: Promise<boolean> | null = null;

export const keyHeaders = (): Record<string, string> =>
  key === null ? {} : { authorization: `Bearer ${key}` };

/** Asks, once however many requests were refused at the same time. @returns whether there is a key to try again with */
export function askForKey(reason: string): Promise<boolean> {
  asking ??= new Promise<boolean>((resolve) => {
    keyQuestion.value = {
      reason,
      answer(given) {
        keyQuestion.value = null;
        asking = null;
        if (given !== null) key = given;
        hasKey.value = key !== null;
        resolve(given !== null);
      },
    };
  });
  return asking;
}
