/** Runs one subcommand in this process, as cli.ts would, and keeps what it says on standard output. */
import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Command } from 'commander';

/** Where nobody listens: a server that somebody runs on this machine must not be asked. */
process.env.STEERD_PORT ??= '1';

export async function runCommand(
  t: TestContext,
  register: (program: Command) => void,
  args: readonly string[],
): Promise<string> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  register(program);
  // What the runner has to say of the tests before goes out first: it would be taken for the command's.
  await nextTurn();
  let said = '';
  const keep = (text: string | Uint8Array) => {
    said += String(text);
    return true;
  };
  const out = t.mock.method(process.stdout, 'write', keep);
  const err = t.mock.method(process.stderr, 'write', () => true);
  try {
    await program.parseAsync(args, { from: 'user' });
  } finally {
    out.mock.restore();
    err.mock.restore();
  }
  return said;
}
