/** Children with everything that they start, so that nothing of it outlives this process. */
import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** How long a child may take to end before it is killed. */
const graceMilliseconds = 10_000;

export interface ProcessGroup {
  readonly stdout: Readable | null;
  /** Its exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ends it and what it started: SIGTERM, and SIGKILL for what is left. */
  end(): Promise<void>;
}

const running = new Set<ProcessGroup>();

/** Runs a module of Node with arguments. */
export function startNode(
  args: readonly string[],
  stdio: StdioOptions,
  env: NodeJS.ProcessEnv = {},
): ProcessGroup {
  // A group of its own (setsid): signals reach the children of the child too.
  const child = spawn(process.execPath, args, { stdio, detached: true, env: { ...process.env, ...env } });
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // Nobody is left.
    }
  };
  const exited = once(child, 'exit').then(([code]: (number | null)[]) => {
    running.delete(group);
    return code ?? null;
  });
  const group: ProcessGroup = {
    stdout: child.stdout,
    exited,
    async end() {
      if (!running.has(group)) return;
      signal('SIGTERM');
      await Promise.race([exited, pause(graceMilliseconds, undefined, { ref: false })]);
      signal('SIGKILL');
      await exited;
    },
  };
  running.add(group);
  return group;
}

/** From now on Ctrl-C, SIGTERM and a closed terminal end every group, and then this process. */
export function endGroupsOnSignals(): void {
  let ending = false;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, async () => {
      if (ending) return;
      ending = true;
      await Promise.all([...running].map((group) => group.end()));
      process.exit(0);
    });
}
