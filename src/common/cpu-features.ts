/** What the processor can do, as far as the system tells. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/**
 * Instructions that multiply 8-bit numbers and add the products in 32 bits, by their names in Linux's /proc/cpuinfo. Without
 * them x86 kernels add pairs of products in 16 bits, which saturate.
 */
const integerProducts = ['amx_int8', 'avx512_vnni', 'avx_vnni'] as const;

/** The first of those instructions that the processor has; null without one, and where the system does not tell. */
export function integerInstructions(): string | null {
  const flags = processorFlags()?.split(' ');
  return integerProducts.find((name) => flags?.includes(name)) ?? null;
}

/**
 * Whether kernels for 8-bit products add pairs of them in 16 bits, as those for x86 do without these instructions; so they may
 * where the system does not tell.
 */
export const addsPairsIn16Bits = (): boolean => process.arch === 'x64' && integerInstructions() === null;

/**
 * Whether kernels for 4-bit weights in blocks of 32 sum in one order, however many rows they multiply: on x86 those for AVX512-VNNI, as
 * measured; those for AVX2 do not (test/onnx/find/activation-rounding.test.ts).
 */
export const sumsBlocksOf32Exactly = (): boolean =>
  process.arch !== 'x64' || (processorFlags()?.split(' ').includes('avx512_vnni') ?? false);

/**
 * Tells processors apart whose kernels may round differently: the architecture, the first processor's name, and its
 * flags where the system tells them.
 */
export function processorKey(): string {
  return `${process.arch} ${cpus()[0]?.model ?? ''} ${processorFlags() ?? ''}`;
}

let read: { readonly flags: string | null } | null = null;

/**
 * What the first processor says in Linux's /proc/cpuinfo, parted by spaces; null elsewhere. Read once: a load asks for each product of
 * its graph.
 */
function processorFlags(): string | null {
  read ??= { flags: readFlags() };
  return read.flags;
}

function readFlags(): string | null {
  try {
    return /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}
