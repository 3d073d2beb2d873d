/** What is said aloud to screen readers without being shown: `announce('Done')`. */
import { signal } from '@preact/signals';

const polite = signal('');

/** Says it once what is being read is finished. The same text twice is said twice. */
export function announce(text: string): void {
  polite.value = polite.peek() === text ? `${text}\u00a0` : text;
}

/** Once in the page. */
export const LiveRegion = () => (
  <div class="hidden-visually" role="status" aria-live="polite">
    {polite.value}
  </div>
);
