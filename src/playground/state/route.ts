/**
 * Where in the page somebody is, in the URL's fragment: `#/chat?concept=pirate:0.8`. The fragment never goes to a server, so a
 * set-up can be shared without ending up in a log.
 */
import { signal } from '@preact/signals';

export interface Route {
  /** A view's id, such as `chat`; empty for none. */
  readonly view: string;
  readonly params: URLSearchParams;
}

function read(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s, 2);
  return { view: path, params: new URLSearchParams(query) };
}

export const route = signal<Route>(read());

addEventListener('hashchange', () => {
  route.value = read();
});

/** The link to a view. Colons and commas stay readable. */
export function href(view: string, params: URLSearchParams = new URLSearchParams()): string {
  const query = params.toString().replaceAll('%3A', ':').replaceAll('%2C', ',');
  return query === '' ? `#/${view}` : `#/${view}?${query}`;
}

/** Goes there, with a new entry in the history. */
export function go(view: string, params?: URLSearchParams): void {
  location.hash = href(view, params);
}

/** Milliseconds. Browsers allow some hundred changes in half a minute, and a slider makes more. */
const pause = 150;
let pending: ReturnType<typeof setTimeout> | undefined;

/**
 * Puts the set-up of the view that is shown into the URL, a moment later, without an entry in the history and without telling the
 * view.
 */
export function keepInUrl(view: string, params: URLSearchParams): void {
  clearTimeout(pending);
  const shown = route.peek();
  pending = setTimeout(() => {
    if (route.peek() === shown) history.replaceState(history.state, '', href(view, params));
  }, pause);
}

/** The whole URL of a view with a set-up. */
export const linkTo = (view: string, params: URLSearchParams): string =>
  new URL(href(view, params), location.href).href;
