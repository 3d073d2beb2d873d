/** Which errors say that the database is away, rather than that a statement was wrong. */

/** Classes and codes of SQLSTATE (PostgreSQL's documentation, appendix A) that pass when the database is back. */
const outageClasses = ['08', '53', '57P', '58'];
const outageCodes = new Set([
  '25006', // read-only: a standby that is not promoted yet
  '40001', // serialization failure
  '57014', // cancelled: longer than statement_timeout
]);

/** Node's codes of a connection that cannot be made or broke. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT', // the socket's file
]);

/** pg says these in words alone. */
const networkMessages = [
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Cannot use a pool after calling end on the pool',
];

export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') {
    if (networkCodes.has(code) || outageCodes.has(code)) return true;
    if (/^[0-9A-Z]{5}$/.test(code)) return outageClasses.some((start) => code.startsWith(start));
  }
  if (error instanceof AggregateError) return error.errors.every(isOutage);
  return networkMessages.some((message) => error.message.startsWith(message));
}
