/** Work that Ctrl-C or SIGTERM ends in good order. */

/** A command that was told to stop; exit codes are those of a shell. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(readonly exitCode: number) {
    super('stopped; the same command goes on where this one was');
  }
}

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs `work` with a signal that the first Ctrl-C or SIGTERM aborts; the second ends the process at once.
 * @throws Interrupted, or what `work` throws
 */
export async function untilInterrupted<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    const exitCode = name === 'SIGINT' ? signals.SIGINT : signals.SIGTERM;
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interrupted(exitCode));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
