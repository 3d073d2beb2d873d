/** What becomes of a process when whoever read its output has left, as `head` does. */

/** As shells tell of programs that SIGPIPE ends. */
const brokenPipe = 141;

function leave(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(brokenPipe);
  throw error;
}

/** A command has nothing left to do then: it ends, and says nothing. */
export function endWithReader(): void {
  process.stdout.on('error', leave);
}

/** A server goes on: that is no reason to break off what runs. */
export function outliveReaders(): void {
  process.stdout.off('error', leave);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
