/**
 * Devices other than the CPU (ORT's execution providers): which are built in, how a session uses one, and its memory.
 */
import { api, decodeTexts, type Handle } from './library.js';
import { check, created } from './status.js';

export const deviceNames = ['cuda', 'webgpu'] as const;
export type DeviceName = (typeof deviceNames)[number];

/** A device that a session runs on. */
export interface Device {
  readonly name: DeviceName;
  /** Number of the CUDA device, where there are several. */
  readonly index: number;
  /** Largest size of CUDA's memory arena in bytes; 0 for no limit. */
  readonly memoryLimit: number;
}

/** ORT's names of a device's execution provider and of its memory. */
const providers: Readonly<Record<DeviceName, { provider: string; memory: string }>> = {
  cuda: { provider: 'CUDAExecutionProvider', memory: 'Cuda' },
  webgpu: { provider: 'WebGpuExecutionProvider', memory: 'WebGPU_Buf' },
};

/** OrtAllocatorType OrtDeviceAllocator. */
const deviceAllocator = 0;
/** OrtMemType OrtMemTypeDefault. */
const defaultMemory = 0;

/** Devices that this ONNX Runtime library was built with. Whether one works here is known once a session is created. */
export function builtInDevices(): DeviceName[] {
  const list: [Handle | null] = [null];
  const count: [number | null] = [null];
  check(api.GetAvailableProviders(list, count), 'list execution providers');
  const total = Number(count[0] ?? 0);
  if (!list[0]) return [];
  const names = decodeTexts(list[0], total);
  check(api.ReleaseAvailableProviders(list[0], total), 'release execution providers');
  return deviceNames.filter((name) => names.includes(providers[name].provider));
}

/**
 * Makes sessions with these options run on a device.
 * @param captures whether runs may be captured as device graphs (`RunOptions.useGraph`)
 * @throws OrtError when the execution provider cannot be loaded
 */
export function appendDevice(options: Handle, device: Device, captures: boolean): void {
  if (device.name === 'cuda') appendCuda(options, device, captures);
  else
    check(
      captures
        ? api.SessionOptionsAppendExecutionProvider(options, 'WebGPU', ['enableGraphCapture'], ['1'], 1)
        : api.SessionOptionsAppendExecutionProvider(options, 'WebGPU', null, null, 0),
      'use the WebGPU execution provider',
    );
}

/** CUDA provider options: onnxruntime.ai/docs/execution-providers/CUDA-ExecutionProvider.html */
function appendCuda(options: Handle, { index, memoryLimit }: Device, captures: boolean): void {
  const entries: [string, string][] = [
    ['device_id', String(index)],
    // By the size of a request, not to the next power of two: a KV cache is one large allocation.
    ['arena_extend_strategy', 'kSameAsRequested'],
    // TF32 rounds the factors of products to 10 bits: the tokens would differ from the CPU's.
    ['use_tf32', '0'],
    ...(captures ? [['enable_cuda_graph', '1'] as [string, string]] : []),
    ...(memoryLimit > 0 ? [['gpu_mem_limit', String(memoryLimit)] as [string, string]] : []),
  ];
  const cuda = created('create CUDA options', (out) => api.CreateCUDAProviderOptions(out));
  try {
    const keys = entries.map(([key]) => key);
    const values = entries.map(([, value]) => value);
    check(api.UpdateCUDAProviderOptions(cuda, keys, values, entries.length), 'set CUDA options');
    check(
      api.SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda),
      'use the CUDA execution provider',
    );
  } finally {
    api.ReleaseCUDAProviderOptions(cuda);
  }
}

/** The memory of a session's device, from which its tensors are allocated. */
export class DeviceMemory {
  readonly info: Handle;
  readonly allocator: Handle;

  constructor(
    session: Handle,
    readonly device: Device,
  ) {
    const { memory } = providers[device.name];
    this.info = created(`describe ${device.name} memory`, (out) =>
      api.CreateMemoryInfo(memory, deviceAllocator, device.index, defaultMemory, out),
    );
    this.allocator = created(`get ${device.name} allocator`, (out) =>
      api.CreateAllocator(session, this.info, out),
    );
  }

  /** Call it after every tensor in the memory is released, and before the session is. */
  release(): void {
    api.ReleaseAllocator(this.allocator);
    api.ReleaseMemoryInfo(this.info);
  }
}
