/**
 * ONNX Runtime's official builds report to Microsoft what runs where: from 1.29 on Linux and macOS too, with an id and a
 * database in the home folder. A server that holds people's prompts sends nothing to anybody.
 */
import { isMainThread } from 'node:worker_threads';
import { cLibrary } from './c-library.js';

/** Read by the library once, when its environment is made (microsoft/onnxruntime pull request 27379). */
const variable = 'ORT_DISABLE_TELEMETRY';

/** Before the library's environment is made. On Windows the variable is not read: environment.ts asks by a call too. */
export function declineTelemetry(): void {
  process.env[variable] = '1';
  // A thread changes a copy of the variables there, which the library does not see.
  if (!isMainThread) declineForProcess();
}

function declineForProcess(): void {
  // Where there is no such library the main thread has to load this module first.
  const libc = cLibrary();
  // What the main thread has declined already is left: to change the variables while others read them is not safe.
  if (libc?.func('getenv', 'const char*', ['const char*'])(variable) === null)
    libc.func('setenv', 'int', ['const char*', 'const char*', 'int'])(variable, '1', 1);
}
