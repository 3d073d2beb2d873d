/**
 * ONNX Runtime's official builds report to Microsoft what runs where: from 1.29 on Linux and macOS too, with an id and a
 * database in the home folder. A server that holds people's prompts sends nothing to anybody.
 */

/** Read by the library once, when its environment is made (microsoft/onnxruntime pull request 27379). */
const variable = 'ORT_DISABLE_TELEMETRY';

/**
 * Before the library's environment is made. Threads have a copy of the variables which the library does not see: what
 * counts is that the main thread loads this module too, and before them.
 */
export function declineTelemetry(): void {
  process.env[variable] = '1';
}
