/** The process-wide ORT environment and CPU memory description. ORT counts references; neither is released. */

import { api, type Handle } from './library.js';
import { fixMmapThreshold } from './native-heap.js';
import { check, created } from './status.js';

/** Fatal only: errors come back as statuses, and are told by whoever made the call. */
const logFatal = 4;
const arenaAllocator = 1;
const defaultMemory = 0;

fixMmapThreshold();

export const environment: Handle = created('create environment', (out) =>
  api.CreateEnv(logFatal, 'steerd', out),
);

// On Windows the variable is not read.
check(api.DisableTelemetryEvents(environment), 'decline telemetry');

export const cpuMemory: Handle = created('describe CPU memory', (out) =>
  api.CreateCpuMemoryInfo(arenaAllocator, defaultMemory, out),
);
