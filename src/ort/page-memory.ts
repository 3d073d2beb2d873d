/** Gives the memory of arrays back to the system while the arrays stay, on Linux; elsewhere nothing happens. */
import koffi from 'koffi';
import { cLibrary } from './c-library.js';

/** MADV_DONTNEED (sys/mman.h): an anonymous page reads as zeros afterwards. */
const dontNeed = 4;

/** What no page of memory is larger than on this kind of processor: nothing outside an array is touched. */
const largestPage = process.arch === 'x64' ? 4096 : 65_536;

type MemoryAdvice = (address: bigint, bytes: number, advice: number) => number;

/** Undefined before the first use. */
let opened: MemoryAdvice | null | undefined;

function memoryAdvice(): MemoryAdvice | null {
  if (opened !== undefined) return opened;
  const library = process.platform === 'linux' ? cLibrary() : null;
  opened = library ? library.func('madvise', 'int', ['uintptr_t', 'size_t', 'int']) : null;
  return opened;
}

/**
 * From now on the array's contents are unspecified, and it takes memory again only where it is written to: but for a
 * page at each of its ends.
 */
export function forgetContents(array: NodeJS.TypedArray): void {
  const advise = memoryAdvice();
  if (!advise) return;
  const start = BigInt(koffi.address(array));
  const page = BigInt(largestPage);
  const from = ((start + page - 1n) / page) * page;
  const to = ((start + BigInt(array.byteLength)) / page) * page;
  if (to > from) advise(from, Number(to - from), dontNeed);
}
