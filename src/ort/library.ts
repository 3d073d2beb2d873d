/**
 * Loads the ONNX Runtime library that onnxruntime-node ships and opens its C API: a table of function pointers to which
 * new versions only append (`OrtApi` in onnxruntime_c_api.h), so that a function is found by its index.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import koffi from 'koffi';
import { declineTelemetry } from './decline-telemetry.js';

/** The address of an ORT object, or of memory. */
export type Handle = bigint;
/** An ORT status: null when the call succeeded. */
type Status = Handle | null;
type Out<T> = [T | null];
type Bytes = ArrayBufferView | Handle | null;

/** The version of the C API that the functions below need: ORT 1.22 has it. */
const apiVersion = 22;

/** Types of arguments, in koffi's notation. */
const p = 'void*';
const out = koffi.out(koffi.pointer('void*'));
const outInt64 = koffi.out(koffi.pointer('int64_t'));
const outSize = koffi.out(koffi.pointer('size_t'));
const outInt = koffi.out(koffi.pointer('int'));

/** The functions in use: [index in OrtApi, type of the result, types of the arguments]. */
const signatures = {
  GetErrorCode: [1, 'int', [p]],
  GetErrorMessage: [2, 'const char*', [p]],
  CreateEnv: [3, p, ['int', 'const char*', out]],
  DisableTelemetryEvents: [6, p, [p]],
  CreateSessionOptions: [10, p, [out]],
  DisableMemPattern: [17, p, [p]],
  SetIntraOpNumThreads: [24, p, [p, 'int']],
  SessionGetInputCount: [30, p, [p, outSize]],
  SessionGetOutputCount: [31, p, [p, outSize]],
  SessionGetInputTypeInfo: [33, p, [p, 'size_t', out]],
  SessionGetOutputTypeInfo: [34, p, [p, 'size_t', out]],
  SessionGetInputName: [36, p, [p, 'size_t', p, out]],
  SessionGetOutputName: [37, p, [p, 'size_t', p, out]],
  CreateRunOptions: [39, p, [out]],
  RunOptionsSetTerminate: [46, p, [p]],
  CreateTensorAsOrtValue: [48, p, [p, 'int64_t*', 'size_t', 'int', out]],
  CreateTensorWithDataAsOrtValue: [49, p, [p, p, 'size_t', 'int64_t*', 'size_t', 'int', out]],
  GetTensorMutableData: [51, p, [p, out]],
  CastTypeInfoToTensorInfo: [55, p, [p, out]],
  GetTensorElementType: [60, p, [p, outInt]],
  GetDimensionsCount: [61, p, [p, outSize]],
  GetDimensions: [62, p, [p, outInt64, 'size_t']],
  CreateMemoryInfo: [68, p, ['const char*', 'int', 'int', 'int', out]],
  CreateCpuMemoryInfo: [69, p, ['int', 'int', out]],
  AllocatorFree: [76, p, [p, p]],
  GetAllocatorWithDefaultOptions: [78, p, [out]],
  ReleaseStatus: [93, 'void', [p]],
  ReleaseMemoryInfo: [94, 'void', [p]],
  ReleaseSession: [95, 'void', [p]],
  ReleaseValue: [96, 'void', [p]],
  ReleaseRunOptions: [97, 'void', [p]],
  ReleaseTypeInfo: [98, 'void', [p]],
  ReleaseSessionOptions: [100, 'void', [p]],
  GetAvailableProviders: [125, p, [out, outInt]],
  ReleaseAvailableProviders: [126, p, [p, 'int']],
  AddSessionConfigEntry: [130, p, [p, 'const char*', 'const char*']],
  CreateAllocator: [131, p, [p, p, out]],
  ReleaseAllocator: [132, 'void', [p]],
  RunWithBinding: [133, p, [p, p, p]],
  CreateIoBinding: [134, p, [p, out]],
  ReleaseIoBinding: [135, 'void', [p]],
  BindInput: [136, p, [p, 'const char*', p]],
  BindOutput: [137, p, [p, 'const char*', p]],
  AddInitializer: [150, p, [p, 'const char*', p]],
  AddRunConfigEntry: [165, p, [p, 'const char*', 'const char*']],
  CreatePrepackedWeightsContainer: [166, p, [out]],
  ReleasePrepackedWeightsContainer: [167, 'void', [p]],
  CreateSessionFromArrayWithPrepackedWeightsContainer: [169, p, [p, p, 'size_t', p, p, out]],
  SessionOptionsAppendExecutionProvider_CUDA_V2: [204, p, [p, p]],
  CreateCUDAProviderOptions: [205, p, [out]],
  UpdateCUDAProviderOptions: [206, p, [p, 'const char**', 'const char**', 'size_t']],
  ReleaseCUDAProviderOptions: [208, 'void', [p]],
  SessionOptionsAppendExecutionProvider: [
    216,
    p,
    [p, 'const char*', 'const char**', 'const char**', 'size_t'],
  ],
} as const satisfies Record<keyof OrtApi, readonly [number, string, readonly unknown[]]>;

/** A C function, which can also run on koffi's thread pool. */
interface Callable<Arguments extends unknown[], Result> {
  (...values: Arguments): Result;
  async(...values: [...Arguments, (error: Error | null, result: Result) => void]): void;
}

/** The same functions as TypeScript calls them; names and arguments are those of onnxruntime_c_api.h. */
interface OrtApi {
  GetErrorCode: Callable<[status: Handle], number>;
  GetErrorMessage: Callable<[status: Handle], string>;
  CreateEnv: Callable<[severity: number, id: string, out: Out<Handle>], Status>;
  DisableTelemetryEvents: Callable<[env: Handle], Status>;
  CreateSessionOptions: Callable<[out: Out<Handle>], Status>;
  DisableMemPattern: Callable<[options: Handle], Status>;
  SetIntraOpNumThreads: Callable<[options: Handle, threads: number], Status>;
  SessionGetInputCount: Callable<[session: Handle, out: Out<number>], Status>;
  SessionGetOutputCount: Callable<[session: Handle, out: Out<number>], Status>;
  SessionGetInputTypeInfo: Callable<[session: Handle, index: number, out: Out<Handle>], Status>;
  SessionGetOutputTypeInfo: Callable<[session: Handle, index: number, out: Out<Handle>], Status>;
  SessionGetInputName: Callable<
    [session: Handle, index: number, allocator: Handle, out: Out<Handle>],
    Status
  >;
  SessionGetOutputName: Callable<
    [session: Handle, index: number, allocator: Handle, out: Out<Handle>],
    Status
  >;
  CreateRunOptions: Callable<[out: Out<Handle>], Status>;
  RunOptionsSetTerminate: Callable<[options: Handle], Status>;
  CreateTensorAsOrtValue: Callable<
    [allocator: Handle, shape: BigInt64Array, rank: number, type: number, out: Out<Handle>],
    Status
  >;
  CreateTensorWithDataAsOrtValue: Callable<
    [
      memory: Handle,
      data: Bytes,
      bytes: number,
      shape: BigInt64Array,
      rank: number,
      type: number,
      out: Out<Handle>,
    ],
    Status
  >;
  GetTensorMutableData: Callable<[value: Handle, out: Out<Handle>], Status>;
  CastTypeInfoToTensorInfo: Callable<[info: Handle, out: Out<Handle>], Status>;
  GetTensorElementType: Callable<[info: Handle, out: Out<number>], Status>;
  GetDimensionsCount: Callable<[info: Handle, out: Out<number>], Status>;
  GetDimensions: Callable<[info: Handle, out: BigInt64Array, rank: number], Status>;
  CreateMemoryInfo: Callable<
    [name: string, allocator: number, device: number, memory: number, out: Out<Handle>],
    Status
  >;
  CreateCpuMemoryInfo: Callable<[allocator: number, memory: number, out: Out<Handle>], Status>;
  AllocatorFree: Callable<[allocator: Handle, pointer: Handle], Status>;
  GetAllocatorWithDefaultOptions: Callable<[out: Out<Handle>], Status>;
  ReleaseStatus: Callable<[handle: Handle], void>;
  ReleaseMemoryInfo: Callable<[handle: Handle], void>;
  ReleaseSession: Callable<[handle: Handle], void>;
  ReleaseValue: Callable<[handle: Handle], void>;
  ReleaseRunOptions: Callable<[handle: Handle], void>;
  ReleaseTypeInfo: Callable<[handle: Handle], void>;
  ReleaseSessionOptions: Callable<[handle: Handle], void>;
  GetAvailableProviders: Callable<[out: Out<Handle>, count: Out<number>], Status>;
  ReleaseAvailableProviders: Callable<[list: Handle, count: number], Status>;
  AddSessionConfigEntry: Callable<[options: Handle, key: string, value: string], Status>;
  CreateAllocator: Callable<[session: Handle, memory: Handle, out: Out<Handle>], Status>;
  ReleaseAllocator: Callable<[handle: Handle], void>;
  RunWithBinding: Callable<[session: Handle, options: Handle, binding: Handle], Status>;
  CreateIoBinding: Callable<[session: Handle, out: Out<Handle>], Status>;
  ReleaseIoBinding: Callable<[handle: Handle], void>;
  BindInput: Callable<[binding: Handle, name: string, value: Handle], Status>;
  BindOutput: Callable<[binding: Handle, name: string, value: Handle], Status>;
  AddInitializer: Callable<[options: Handle, name: string, value: Handle], Status>;
  AddRunConfigEntry: Callable<[options: Handle, key: string, value: string], Status>;
  CreatePrepackedWeightsContainer: Callable<[out: Out<Handle>], Status>;
  ReleasePrepackedWeightsContainer: Callable<[handle: Handle], void>;
  CreateSessionFromArrayWithPrepackedWeightsContainer: Callable<
    [env: Handle, model: Uint8Array, bytes: number, options: Handle, container: Handle, out: Out<Handle>],
    Status
  >;
  SessionOptionsAppendExecutionProvider_CUDA_V2: Callable<[options: Handle, cuda: Handle], Status>;
  CreateCUDAProviderOptions: Callable<[out: Out<Handle>], Status>;
  UpdateCUDAProviderOptions: Callable<
    [cuda: Handle, keys: string[], values: string[], count: number],
    Status
  >;
  ReleaseCUDAProviderOptions: Callable<[handle: Handle], void>;
  SessionOptionsAppendExecutionProvider: Callable<
    [options: Handle, name: string, keys: string[] | null, values: string[] | null, count: number],
    Status
  >;
}

/** Environment variable with the path of another ONNX Runtime library, such as one built with CUDA. */
export const libraryVariable = 'STEERD_ORT_LIBRARY';

function libraryPath(): string {
  const other = process.env[libraryVariable];
  if (other) {
    if (existsSync(other)) return resolve(other);
    throw new Error(`${libraryVariable} names a file that does not exist: ${other}`);
  }
  const file =
    process.platform === 'win32'
      ? 'onnxruntime.dll'
      : process.platform === 'darwin'
        ? 'libonnxruntime.1.dylib'
        : 'libonnxruntime.so.1';
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const found = join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch, file);
  if (!existsSync(found)) {
    throw new Error(
      `onnxruntime-node ships no library for ${process.platform}-${process.arch}: ${found} is missing`,
    );
  }
  return found;
}

function open(): { api: OrtApi; version: string; library: unknown } {
  declineTelemetry();
  const library = koffi.load(libraryPath());
  const baseType = koffi.struct({ GetApi: 'void*', GetVersionString: 'void*' });
  const base = koffi.decode(library.func('OrtGetApiBase', p, [])(), baseType) as Record<string, Handle>;
  const getVersion = koffi.decode(base.GetVersionString, koffi.proto('const char*', []));
  const getApi = koffi.decode(base.GetApi, koffi.proto(p, ['uint32_t']));
  const version: string = getVersion();
  const table: Handle | null = getApi(apiVersion);
  if (!table)
    throw new Error(`ONNX Runtime ${version} does not offer C API ${apiVersion}; 1.22 or newer is needed`);
  const size = 1 + Math.max(...Object.values(signatures).map(([index]) => index));
  const pointers: Handle[] = koffi.decode(table, koffi.array(p, size));
  const entries = Object.entries(signatures).map(([name, [index, result, types]]) => [
    name,
    koffi.decode(pointers[index], koffi.proto(result, [...types])),
  ]);
  return { api: Object.fromEntries(entries) as OrtApi, version, library };
}

const opened = open();

/** The C API; each thread has its own table. */
export const api: OrtApi = opened.api;
/** Version of the ONNX Runtime library, e.g. "1.30.0". */
export const ortVersion: string = opened.version;
/** Exported so that it stays referenced: koffi unloads a library that is garbage-collected. */
export const library: unknown = opened.library;

/** Reads a zero-terminated UTF-8 string at an address. */
export function decodeText(address: Handle): string {
  return koffi.decode(address, 'char', -1) as string;
}

/** Reads `count` zero-terminated strings from a list of their addresses. */
export function decodeTexts(list: Handle, count: number): string[] {
  return (koffi.decode(list, koffi.array(p, count)) as Handle[]).map(decodeText);
}
