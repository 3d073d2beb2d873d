/** The process's C library, for the few system calls that Node has no function for. */
import koffi from 'koffi';

const names: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'libc.so.6',
  darwin: 'libSystem.B.dylib',
};

/** Null where no library of a known name is found, as on Alpine and Windows: callers only save memory by it. */
export function cLibrary(): ReturnType<typeof koffi.load> | null {
  const name = names[process.platform];
  if (!name) return null;
  try {
    return koffi.load(name);
  } catch {
    return null;
  }
}
