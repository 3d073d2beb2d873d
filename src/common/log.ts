/** The server's log: pino on standard error, with headers that may hold secrets redacted. */
import { type DestinationStream, type Logger, pino } from 'pino';

/** Headers that may hold a secret. */
const secretHeaders = [
  'authorization',
  '["proxy-authorization"]',
  'cookie',
  '["set-cookie"]',
  '["x-api-key"]',
  '["api-key"]',
];
/** Fields of a log line under which the headers of a request or a reply may stand. */
const holders = ['headers', 'req.headers', 'res.headers', 'err.headers', 'err.request.headers'];
const redacted = holders.flatMap((holder) =>
  secretHeaders.map((header) => (header.startsWith('[') ? `${holder}${header}` : `${holder}.${header}`)),
);

/** @param to standard error by default, written synchronously; standard output is for messages to people. */
export function createLog(
  level: string,
  to: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino({ level, redact: { paths: redacted, censor: '[redacted]' } }, to);
}
