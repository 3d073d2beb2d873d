/** The page around the views: skip link, navigation, model, theme; and what every view needs, messages and the key's dialog. */

import { effect } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { inWords } from '../api/errors.js';
import { Failed } from '../parts/failed.js';
import { LiveRegion } from '../parts/live.js';
import { Toasts } from '../parts/toasts.js';
import { libraryState, loadLibrary } from '../state/library.js';
import { href, route } from '../state/route.js';
import { type View, views } from '../views/registry.js';
import { KeyDialog } from './key-dialog.js';
import { ModelChoice } from './model-choice.js';
import { ThemeChoice } from './theme-choice.js';

const first = views[0] as View;
const currentView = (): View => views.find(({ id }) => id === route.value.view) ?? first;

effect(() => {
  document.title = `${currentView().title} · steerd`;
});

export function App() {
  const view = currentView();
  const nav = useRef<HTMLElement>(null);
  // Where not all views have room, the one that is shown has.
  useEffect(() => {
    nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [view]);
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it goes to a place in the page, as a link does */}
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={href(first.id)}>
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
            <circle cx="16" cy="16" r="12" />
            <path d="M16 16 24 8" />
          </svg>
          steerd
        </a>
        <nav ref={nav} aria-label="Views" class="views">
          {views.map(({ id, title, purpose }) => (
            <a key={id} href={href(id)} title={purpose} aria-current={id === view.id ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <div class="row top-end">
          <ModelChoice />
          <a class="quiet-link" href="docs/" title="The API's description">
            API
          </a>
          <ThemeChoice />
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <LibraryTrouble />
        <ShownView key={view.id} view={view} />
      </main>
      <KeyDialog />
      <Toasts />
      <LiveRegion />
    </>
  );
}

/** The fragment is the route, so the link must not change it. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function LibraryTrouble() {
  const state = libraryState.value;
  if (typeof state === 'string') return null;
  return (
    <Failed>
      {inWords(state.error)}{' '}
      <button type="button" onClick={() => void loadLibrary()}>
        Try again
      </button>
    </Failed>
  );
}

/** Loads the view's module; whoever came by the navigation gets the focus on its heading. */
function ShownView({ view }: { readonly view: View }) {
  const [loaded, setLoaded] = useState<
    { readonly Shown: ComponentType } | { readonly error: unknown } | null
  >(null);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let stale = false;
    view.load().then(
      (module) => !stale && setLoaded({ Shown: module.default }),
      (error: unknown) => !stale && setLoaded({ error }),
    );
    return () => {
      stale = true;
    };
  }, [view]);
  const shown = loaded !== null && 'Shown' in loaded;
  useEffect(() => {
    if (shown && visited) place.current?.querySelector<HTMLElement>('h1')?.focus();
    if (shown) visited = true;
  }, [shown]);
  if (loaded === null) return <p class="page quiet-text">Loading…</p>;
  if ('error' in loaded) {
    return <Failed>This view could not be loaded: {inWords(loaded.error)}</Failed>;
  }
  return (
    <div ref={place}>
      <loaded.Shown />
    </div>
  );
}

/** Whether a view was shown before: the first one does not take the focus from the begin of the page. */
let visited = false;
