/** The C library of this process, for the few calls that Node has no function for. */
import koffi from 'koffi';

const names: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'libc.so.6',
  darwin: 'libSystem.B.dylib',
};

/** Null where there is none of a known name, as on Alpine and Windows: what needs it is a saving, not a need. */
export function cLibrary(): ReturnType<typeof koffi.load> | null {
  const name = names[process.platform];
  if (!name) return null;
  try {
    return koffi.load(name);
  } catch {
    return null;
  }
}
