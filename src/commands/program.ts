/** The `steerd` command with all that is under it: each subcommand is a file beside this one. */
import { Command, Help } from 'commander';
import { packageVersion } from '../common/package.js';
import { register as registerBench } from './bench.js';
import { register as registerCalibrate } from './calibrate.js';
import { register as registerCapture } from './capture.js';
import { register as registerChat } from './chat.js';
import { wrap } from './columns.js';
import { register as registerComplete } from './complete.js';
import { register as registerCompletion } from './completion.js';
import { register as registerConcepts } from './concepts.js';
import { register as registerDemo } from './demo.js';
import { register as registerDoctor } from './doctor.js';
import { register as registerFit } from './fit.js';
import { register as registerGraft } from './graft.js';
import { register as registerImport } from './import.js';
import { register as registerKeys } from './keys.js';
import { register as registerModels } from './models.js';
import { helpText, sayWrapped } from './output.js';
import { register as registerPull } from './pull.js';
import { register as registerScore } from './score.js';
import { register as registerServe } from './serve.js';
import { register as registerSweep } from './sweep.js';
import { register as registerWorker } from './worker.js';

const registers = [
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
];

const usualHelp = new Help();

export function steerd(): Command {
  const program = new Command()
    .name('steerd')
    .description('Inference server for steered language models')
    .version(packageVersion)
    .configureHelp({
      // Commander would leave descriptions unwrapped on terminals narrower than twice that.
      minWidthToWrap: 16,
      // It leaves long words whole: a terminal would break them anywhere, a pipe may have them.
      boxWrap: (text, width) =>
        process.stdout.isTTY ? wrap(text, width).join('\n') : usualHelp.boxWrap(text, width),
    })
    .addHelpText(
      'after',
      helpText(
        '\nMost commands ask the server on the configured port if one answers, else they do it in this process; --server and --local choose. STEERD_API_KEY is the key that they send.\nExit codes: 0 done; 1 it failed; 2 the call was wrong; 3 the server does not answer, is busy or refuses the key; 130 and 143 stopped.',
      ),
    )
    .configureOutput({ outputError: (text) => sayWrapped(text.trimEnd(), process.stderr) })
    .exitOverride();
  // What `exitOverride` says is copied to subcommands made after it.
  for (const register of registers) register(program);
  return program;
}
