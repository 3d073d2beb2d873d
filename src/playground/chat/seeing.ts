/** Whether tokens are tinted, and by which concept. */
import { signal } from '@preact/signals';

export const seeing = signal(true);
/** Name of the concept; the first that is monitored where it is none of them. */
export const tinting = signal('');
