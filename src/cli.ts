#!/usr/bin/env node
/** The `steerd` command: each subcommand is a file in commands/. Exit code 2 means that the call was wrong. */
import { CommanderError, program } from 'commander';
import { ApiError } from './commands/api.js';
import { register as registerBench } from './commands/bench.js';
import { register as registerCalibrate } from './commands/calibrate.js';
import { register as registerCapture } from './commands/capture.js';
import { register as registerChat } from './commands/chat.js';
import { register as registerComplete } from './commands/complete.js';
import { register as registerCompletion } from './commands/completion.js';
import { register as registerConcepts } from './commands/concepts.js';
import { register as registerDemo } from './commands/demo.js';
import { register as registerDoctor } from './commands/doctor.js';
import { register as registerFit } from './commands/fit.js';
import { register as registerGraft } from './commands/graft.js';
import { register as registerImport } from './commands/import.js';
import { Interrupted } from './commands/interruption.js';
import { register as registerKeys } from './commands/keys.js';
import { register as registerModels } from './commands/models.js';
import { helpText, sayWrapped } from './commands/output.js';
import { register as registerPull } from './commands/pull.js';
import { register as registerScore } from './commands/score.js';
import { register as registerServe } from './commands/serve.js';
import { register as registerSweep } from './commands/sweep.js';
import { register as registerWorker } from './commands/worker.js';
import { packageVersion } from './common/package.js';
import { ConfigError } from './config.js';
import { SteerdError } from './errors.js';

program
  .name('steerd')
  .description('Inference server for steered language models')
  .version(packageVersion)
  // Commander would leave descriptions unwrapped on terminals narrower than twice that.
  .configureHelp({ minWidthToWrap: 16 })
  .addHelpText(
    'after',
    helpText(
      '\nMost commands ask the server on the configured port if one answers, else they do it in this process; --server and --local choose. STEERD_API_KEY is the key that they send.\nExit codes: 0 done; 1 it failed; 2 the call was wrong; 3 the server does not answer, is busy or refuses the key; 130 and 143 stopped.',
    ),
  )
  .exitOverride();
// What `exitOverride` says is copied to subcommands made after it.
for (const register of [
  registerServe,
  registerWorker,
  registerChat,
  registerComplete,
  registerDemo,
  registerPull,
  registerImport,
  registerFit,
  registerConcepts,
  registerCalibrate,
  registerCapture,
  registerSweep,
  registerBench,
  registerScore,
  registerModels,
  registerGraft,
  registerKeys,
  registerDoctor,
  registerCompletion,
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
  sayWrapped(error instanceof Error ? error.message : String(error), process.stderr);
  if (error instanceof Interrupted || error instanceof ApiError) return error.exitCode;
  if (error instanceof SteerdError) return error.status < 500 ? 2 : 1;
  return error instanceof ConfigError ? 2 : 1;
}
