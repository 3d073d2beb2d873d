#!/usr/bin/env node
/** The `steerd` command. Exit code 2 means that the call was wrong. */
import { CommanderError } from 'commander';
import { ApiError } from './commands/api.js';
import { Interrupted } from './commands/interruption.js';
import { sayWrapped } from './commands/output.js';
import { steerd } from './commands/program.js';
import { endWithReader } from './commands/readers.js';
import { ConfigError } from './config.js';
import { SteerdError } from './errors.js';

endWithReader();
try {
  await steerd().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  // Commander has written its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  sayWrapped(error instanceof Error ? error.message : String(error), process.stderr);
  if (error instanceof Interrupted || error instanceof ApiError) return error.exitCode;
  if (error instanceof SteerdError) return error.status < 500 ? 2 : 1;
  return error instanceof ConfigError ? 2 : 1;
}
