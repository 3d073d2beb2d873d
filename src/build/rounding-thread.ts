/** A thread that rounds weights: `StoredRows` in, `RoundedRows` or null out, in their order. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { roundRows, type StoredRows } from './round-rows.js';

const port = parentPort;
if (port === null) throw new Error('rounding-thread.js runs as a worker thread');

// Answers come before a build. On Linux a thread has a priority of its own; elsewhere it would be the whole server's.
const niceness = 5;
if (process.platform === 'linux') {
  try {
    setPriority(0, niceness);
  } catch {
    // A sandbox may forbid it; the build then competes as an equal.
  }
}

port.on('message', (rows: StoredRows) => {
  const made = roundRows(rows);
  const parts = made === null ? [] : [made.values, made.scales, made.zeroPoints];
  port.postMessage(
    made,
    parts.map(({ buffer }) => buffer as ArrayBuffer),
  );
});
