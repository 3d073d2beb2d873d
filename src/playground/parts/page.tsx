/** The frame of a view: its heading, what stands beside it, its content. */
import type { ComponentChildren } from 'preact';

interface PageProps {
  readonly title: string;
  /** A line under the heading. */
  readonly lead?: ComponentChildren;
  /** Buttons at the heading's side. */
  readonly actions?: ComponentChildren;
  /** Takes the whole width instead of a readable one. */
  readonly wide?: boolean;
  readonly children: ComponentChildren;
}

export function Page({ title, lead, actions, wide = false, children }: PageProps) {
  return (
    <div class={wide ? 'page page-wide' : 'page'}>
      <header class="page-head">
        <div>
          <h1 tabIndex={-1}>{title}</h1>
          {lead !== undefined && <p class="lead">{lead}</p>}
        </div>
        {actions !== undefined && <div class="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
