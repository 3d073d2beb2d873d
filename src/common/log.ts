/** The server's log: pino on standard error, with whatever could be a secret taken out. */
import { type DestinationStream, type Logger, pino } from 'pino';

/** Where a request's or a reply's headers could stand in a log line. */
const secretHeaders = [
  'authorization',
  '["proxy-authorization"]',
  'cookie',
  '["set-cookie"]',
  '["x-api-key"]',
  '["api-key"]',
];
const holders = ['headers', 'req.headers', 'res.headers', 'err.headers', 'err.request.headers'];
const redacted = holders.flatMap((holder) =>
  secretHeaders.map((header) => (header.startsWith('[') ? `${holder}${header}` : `${holder}.${header}`)),
);

/** Written at once by default: standard output says to people where the server is, standard error is the log. */
export function createLog(
  level: string,
  to: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino({ level, redact: { paths: redacted, censor: '[redacted]' } }, to);
}
