/**
 * Memory that models leave behind goes back to the system. glibc's malloc raises the size from which blocks are mapped
 * on their own whenever such a block is freed, up to 32 MiB: after one model was unloaded, the weights of the next lie
 * in the heaps of threads, and most of that stays with the process when it is unloaded too. Held where it begins, the
 * threshold lets every large block go as soon as it is freed. Other C libraries have nothing to hold.
 */
import { cLibrary } from './c-library.js';

/** malloc.h of glibc; it is also where glibc begins. */
const mmapThreshold = -3;
const thresholdBytes = 128 * 1024;

const glibc = () => (process.platform === 'linux' ? cLibrary() : null);

/** Once in a process, before a model is loaded; again does no harm. */
export function returnFreedMemory(): void {
  glibc()?.func('mallopt', 'int', ['int', 'int'])(mmapThreshold, thresholdBytes);
}

/** Gives back what lies free between small blocks: reading a graph leaves some 20 MiB of it. */
export function returnFreeBlocks(): void {
  glibc()?.func('malloc_trim', 'int', ['size_t'])(0);
}
