/**
 * The path that a request means. Clients are configured with base URLs that end with a slash, lack `/v1` or have it twice:
 * their requests mean the same route.
 */

/** What the first segments under /v1 are. */
const underV1 = new Set([
  'chat',
  'completions',
  'concepts',
  'embeddings',
  'fits',
  'messages',
  'models',
  'responses',
  'steering',
]);

/** Pages whose own links are relative: there a slash at the end says something. */
const pages = '/docs';

/** A request line may have a whole URL, as one for a proxy has (RFC 9112, "absolute-form"). */
const absoluteForm = /^https?:\/\/([^/?#]*)/i;

/** The host, with its port, of a request line that has a whole URL: it counts, and the Host header does not. */
export const hostOfUrl = (url: string): string | undefined => absoluteForm.exec(url)?.[1];

/** @param whole as the request line has it: path and query, or a whole URL */
export function meantUrl(whole: string): string {
  const pathAndQuery = whole.replace(absoluteForm, '');
  const url = pathAndQuery.startsWith('/') || pathAndQuery === whole ? pathAndQuery : `/${pathAndQuery}`;
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  const query = at < 0 ? '' : url.slice(at);
  const plain = path.replace(/\/{2,}/g, '/');
  if (plain === pages || plain.startsWith(`${pages}/`)) return plain + query;
  const bare = plain.length > 1 ? plain.replace(/\/$/, '') : plain;
  const once = bare.replace(/^(?:\/v1){2,}(?=\/|$)/, '/v1');
  const [, first = ''] = once.split('/', 2);
  return (underV1.has(first) ? `/v1${once}` : once) + query;
}

/** A URL without its query, for messages. */
export const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';
