/** A request's logger, which learns on the way whose request it is. */

/** What of a request or a reply is needed here. */
interface Logging<Log> {
  log: Log;
}

interface ParentLog {
  child(bindings: Readonly<Record<string, unknown>>): ParentLog;
}

/** Every later line of the request says this too: those of its reply have a logger of their own. */
export function attribute<Log extends ParentLog>(
  request: Logging<Log>,
  reply: Logging<Log>,
  bindings: Readonly<Record<string, unknown>>,
): void {
  request.log = request.log.child(bindings) as Log;
  reply.log = request.log;
}
