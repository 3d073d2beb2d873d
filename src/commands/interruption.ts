/** Ends a command's work in good order on Ctrl-C or SIGTERM. */

/** A command was stopped by a signal. `exitCode` is what a shell reports for that signal. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(
    readonly exitCode: number,
    message: string,
  ) {
    super(message);
  }
}

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Runs `work` with an abort signal. The first Ctrl-C or SIGTERM aborts it, with an Interrupted as the reason; the
 * second ends the process at once.
 * @param message what the command says when it was stopped
 * @throws what `work` throws, which is the Interrupted if it ended because of the signal
 */
export async function untilInterrupted<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  message = 'stopped; the same command goes on where this one was',
): Promise<Result> {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals) => {
    const exitCode = name === 'SIGINT' ? signals.SIGINT : signals.SIGTERM;
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort(new Interrupted(exitCode, message));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
