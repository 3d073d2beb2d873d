/** What went wrong, where it went wrong: read out at once. */
import type { ComponentChildren } from 'preact';

export const Failed = ({ children }: { readonly children: ComponentChildren }) => (
  <p class="notice notice-failed" role="alert">
    {children}
  </p>
);
