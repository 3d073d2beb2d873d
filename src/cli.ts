#!/usr/bin/env node
/** The `steerd` command: each subcommand is a file in commands/. Exit code 2 means that the call was wrong. */
import { CommanderError, program } from 'commander';
import { register as registerDemo } from './commands/demo.js';
import { register as registerFit } from './commands/fit.js';
import { register as registerGraft } from './commands/graft.js';
import { register as registerImport } from './commands/import.js';
import { Interrupted } from './commands/interruption.js';
import { register as registerKeys } from './commands/keys.js';
import { register as registerModels } from './commands/models.js';
import { register as registerPull } from './commands/pull.js';
import { register as registerServe } from './commands/serve.js';
import { packageVersion } from './common/package.js';
import { ConfigError } from './config.js';

program
  .name('steerd')
  .description('Inference server for steered language models')
  .version(packageVersion)
  .exitOverride();
// What `exitOverride` says is copied to subcommands made after it.
for (const register of [
  registerServe,
  registerDemo,
  registerPull,
  registerImport,
  registerModels,
  registerFit,
  registerGraft,
  registerKeys,
])
  register(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

function exitCodeOf(error: unknown): number {
  // Commander has written its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof Interrupted) return error.exitCode;
  return error instanceof ConfigError ? 2 : 1;
}
