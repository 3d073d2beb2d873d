import { totalmem } from 'node:os';

/** Bytes that this process may use: the machine's, or its container's. */
export function machineMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
}
