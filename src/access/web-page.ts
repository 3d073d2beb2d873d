/**
 * Whether a web page may use a server that asks for no keys. A browser lets any page send requests to this machine; it
 * only keeps the answers from pages of other origins, and not even those from a page that has rebound its own name to this
 * address (DNS rebinding). The checks need nothing of the page: a browser sets Host, Origin and Sec-Fetch-Site itself.
 */
import { isIP } from 'node:net';
import { isLoopback } from './loopback.js';

/** Request headers as Node has them. */
export type BrowserHeaders = Readonly<
  Partial<Record<'host' | 'origin' | 'sec-fetch-site', string | string[] | undefined>>
>;

const hostPattern = /^(\[[0-9a-f:.]+\]|[^\s:@/?#[\]]+)(?::\d{1,5})?$/i;

/** The name or address of a Host header, lower case, without its port; null for what is no host. */
export function hostName(header: string): string | null {
  const name = hostPattern.exec(header)?.[1]?.toLowerCase();
  return name === undefined ? null : name.replace(/\.$/, '');
}

/**
 * Whether a request names its host as HTTP asks (RFC 9112, section 3.2): once, or in HTTP/1.0 not at all. Of two, what
 * reads the first and what reads the last would take the request for two.
 * @param rawHeaders names and values in turn, as they came
 */
export function namesOneHost({
  httpVersion,
  rawHeaders,
}: {
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
}): boolean {
  const count = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length;
  return count === 1 || (count === 0 && httpVersion === '1.0');
}

/**
 * Whether a request's Host is one that this server is known by: loopback, the address that it listens on, and what is
 * configured. An address, too, where it listens on others than loopback: only a name can be rebound.
 * @param listensOn the setting `host`
 * @param allowed names, or `*` for all
 */
export function isKnownHost(
  header: string | string[] | undefined,
  listensOn: string,
  allowed: readonly string[],
): boolean {
  // Every browser sends one; HTTP/1.0 does without.
  if (header === undefined || allowed.includes('*')) return true;
  const name = typeof header === 'string' ? hostName(header) : null;
  if (name === null) return false;
  if (isLoopback(name) || name.endsWith('.localhost') || name === listensOn.toLowerCase()) return true;
  if (allowed.some((other) => other.toLowerCase() === name)) return true;
  return !isLoopback(listensOn) && isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/**
 * Whether a request comes from a page of another origin that is not trusted. As Go's `http.CrossOriginProtection` does
 * it: Sec-Fetch-Site decides where a browser sends it (to loopback and by TLS), else whether Origin names this host.
 * Programs that are no browser send neither.
 * @param trusted origins, or `*` for all
 */
export function isForeignPage(headers: BrowserHeaders, trusted: readonly string[]): boolean {
  const { host, origin } = headers;
  const site = headers['sec-fetch-site'];
  if (trusted.includes('*')) return false;
  if (typeof origin === 'string' && trusted.includes(origin)) return false;
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  return (
    typeof origin !== 'string' ||
    origin.replace(/^https?:\/\//i, '').toLowerCase() !== String(host).toLowerCase()
  );
}
