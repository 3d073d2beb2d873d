/**
 * Declines ONNX Runtime's telemetry. Official builds report usage to Microsoft, from version 1.29 also on Linux and
 * macOS, and keep an id and a database of events in the home folder; a server that holds people's prompts must not.
 */
import { isMainThread } from 'node:worker_threads';
import { cLibrary } from './c-library.js';

/** The library reads it once, when its environment is created (microsoft/onnxruntime pull request 27379). */
const disableVariable = 'ORT_DISABLE_TELEMETRY';

/** Call it before ORT's environment is created. Windows builds ignore the variable; environment.ts declines there. */
export function declineTelemetry(): void {
  process.env[disableVariable] = '1';
  // In a worker thread, process.env is a copy of the environment, which the library does not see.
  if (!isMainThread) setForProcess();
}

/** Sets the variable in the process's environment. Without a C library, the main thread must load this module first. */
function setForProcess(): void {
  const libc = cLibrary();
  // Not if it is set already: setenv is not safe while another thread reads the environment.
  if (libc?.func('getenv', 'const char*', ['const char*'])(disableVariable) === null)
    libc.func('setenv', 'int', ['const char*', 'const char*', 'int'])(disableVariable, '1', 1);
}
