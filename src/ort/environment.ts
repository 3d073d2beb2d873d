/**
 * ORT's environment and its description of CPU memory, both process-wide. ORT counts the references of each thread;
 * neither is ever released.
 */

import { api, type Handle } from './library.js';
import { fixMmapThreshold } from './native-heap.js';
import { check, created } from './status.js';

/** OrtLoggingLevel ORT_LOGGING_LEVEL_FATAL: errors come back as statuses, and the caller reports them. */
const logFatal = 4;
/** OrtAllocatorType OrtArenaAllocator. */
const arenaAllocator = 1;
/** OrtMemType OrtMemTypeDefault. */
const defaultMemory = 0;

fixMmapThreshold();

export const environment: Handle = created('create environment', (out) =>
  api.CreateEnv(logFatal, 'steerd', out),
);

// For Windows, where the environment variable of decline-telemetry.ts has no effect.
check(api.DisableTelemetryEvents(environment), 'decline telemetry');

export const cpuMemory: Handle = created('describe CPU memory', (out) =>
  api.CreateCpuMemoryInfo(arenaAllocator, defaultMemory, out),
);
