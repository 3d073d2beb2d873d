/**
 * Settings of glibc's malloc that make freed weights go back to the operating system. Where the C library is another
 * one, nothing happens.
 */
import { cLibrary } from './c-library.js';

/** M_MMAP_THRESHOLD (glibc's malloc.h), and its initial value there. */
const mmapThresholdParameter = -3;
const initialMmapThreshold = 128 * 1024;

const glibc = () => (process.platform === 'linux' ? cLibrary() : null);

/**
 * Keeps every block of 128 KiB or more in a memory mapping of its own, which `free` unmaps at once. By default glibc
 * raises that threshold, up to 32 MiB, each time such a block is freed: after one model was unloaded, the weights of
 * the next would lie in the threads' heaps, and most of that memory would stay with the process when that model is
 * unloaded too. Call it once in a process, before a model is loaded; calling it again does no harm.
 */
export function fixMmapThreshold(): void {
  glibc()?.func('mallopt', 'int', ['int', 'int'])(mmapThresholdParameter, initialMmapThreshold);
}

/** Gives free pages between small blocks back (malloc_trim): reading a graph leaves some 20 MiB of them. */
export function shrinkNativeHeap(): void {
  glibc()?.func('malloc_trim', 'int', ['size_t'])(0);
}
