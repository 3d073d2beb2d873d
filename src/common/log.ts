/** The server's log: JSON by pino on standard error, plain lines where that is a terminal, with headers that may hold secrets redacted. */
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
  to: DestinationStream = process.stderr.isTTY
    ? plainLines((line) => process.stderr.write(line))
    : pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino({ level, redact: { paths: redacted, censor: '[redacted]' } }, to);
}

const levelNames: Readonly<Record<number, string>> = { 40: 'warning: ', 50: 'error: ', 60: 'fatal: ' };
/** What everybody at a terminal knows, or what is written out of it in words. */
const leftOut = new Set([
  'level',
  'time',
  'pid',
  'hostname',
  'msg',
  'reqId',
  'req',
  'res',
  'err',
  'responseTime',
]);

/** Control characters of a client could move the cursor or clear the screen. */
const harmless = (text: string) => text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]+/gu, ' ');

/**
 * JSON lines as a person reads them: `12:03:04 POST /v1/chat/completions 200 in 812 ms`. A request is told once, when
 * its reply is complete.
 */
export function plainLines(write: (line: string) => void): DestinationStream {
  return {
    write(json: string) {
      const line = JSON.parse(json) as Record<string, unknown> & {
        msg?: string;
        req?: { method?: string; url?: string };
        res?: { statusCode?: number };
        err?: { message?: string };
      };
      // The one is told at its end; the other `steerd serve` tells by itself.
      if (line.msg === 'incoming request' || line.msg?.startsWith('Server listening')) return;
      const clock = new Date(Number(line.time)).toTimeString().slice(0, 8);
      // What went as it should is told in its message, and a request's model and steering.
      const shown = Number(line.level) >= 40 || line.req !== undefined;
      const details = Object.entries(line)
        .filter(([name]) => shown && !leftOut.has(name))
        .map(
          ([name, value]) => ` ${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`,
        );
      const { req, res, err } = line;
      const what =
        req && res
          ? `${req.method} ${req.url} ${res.statusCode} in ${Math.round(Number(line.responseTime))} ms`
          : `${line.msg ?? ''}${err?.message === undefined ? '' : `: ${err.message}`}`;
      write(`${clock} ${harmless(`${levelNames[Number(line.level)] ?? ''}${what}${details.join('')}`)}\n`);
    },
  };
}
