/**
 * Files mapped into memory read-only: the system reads a page when it is first used, and may drop it when memory is
 * short. For Linux and macOS; elsewhere ONNX Runtime reads the weights itself.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { cLibrary } from './c-library.js';
import type { Handle } from './library.js';

/** Constants of sys/mman.h, the same on Linux and macOS. */
const protRead = 1;
const mapPrivate = 2;
const madviseDontNeed = 4;
const mapFailed = 0xffff_ffff_ffff_ffffn;

interface MemoryCalls {
  mmap(
    at: null,
    bytes: number,
    protection: number,
    flags: number,
    file: number,
    offset: number,
  ): Handle | null;
  munmap(address: Handle, bytes: number): number;
  madvise(address: Handle, bytes: number, advice: number): number;
}

/** Undefined before the first use. */
let opened: MemoryCalls | null | undefined;

/** Null where files cannot be mapped. */
function memoryCalls(): MemoryCalls | null {
  if (opened !== undefined) return opened;
  const library = cLibrary();
  opened = library && {
    mmap: library.func('mmap', 'void*', ['void*', 'size_t', 'int', 'int', 'int', 'int64_t']),
    munmap: library.func('munmap', 'int', ['void*', 'size_t']),
    madvise: library.func('madvise', 'int', ['void*', 'size_t', 'int']),
  };
  return opened;
}

export class MappedFile {
  private constructor(
    readonly address: Handle,
    readonly bytes: number,
    private readonly calls: MemoryCalls,
  ) {}

  /**
   * Null where files cannot be mapped, and for an empty file.
   * @throws the file system's error when there is no such file
   */
  static open(path: string): MappedFile | null {
    const calls = memoryCalls();
    if (!calls) return null;
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const address = size > 0 ? calls.mmap(null, size, protRead, mapPrivate, file, 0) : null;
      return address && address !== mapFailed ? new MappedFile(address, size, calls) : null;
    } finally {
      closeSync(file);
    }
  }

  /** Drops the pages from memory (MADV_DONTNEED); they are read from the file again when they are used again. */
  dropPages(): void {
    this.calls.madvise(this.address, this.bytes, madviseDontNeed);
  }

  /** Unmaps the file. Nothing may use its memory any more. */
  release(): void {
    this.calls.munmap(this.address, this.bytes);
  }
}
