/** Which device a model runs on: the one asked for, or the first of CUDA, WebGPU and the CPU that works. */
import { existsSync, readdirSync } from 'node:fs';
import { builtInDevices, type Device, type DeviceName } from '../ort/device.js';
import type { DeviceSettings } from './protocol.js';

export interface OnDevice<T> {
  readonly made: T;
  readonly device: DeviceName | 'cpu';
  /** Why it is not what a user may have expected; null when it is. */
  readonly warning: string | null;
}

const wanted: Readonly<Record<DeviceSettings['device'], readonly DeviceName[]>> = {
  auto: ['cuda', 'webgpu'],
  cuda: ['cuda'],
  webgpu: ['webgpu'],
  cpu: [],
};

/**
 * Builds something on the first device that can.
 * @throws Error when a device was asked for by name and cannot be used, with its provider's reason.
 */
export async function onDevice<T>(
  settings: DeviceSettings,
  make: (device: Device | undefined) => Promise<T>,
): Promise<OnDevice<T>> {
  const reasons: string[] = [];
  for (const name of wanted[settings.device]) {
    const obstacle = obstacleTo(name, settings.device === 'auto');
    if (obstacle) reasons.push(`${name}: ${obstacle}`);
    else
      try {
        const device = { name, index: settings.deviceIndex, memoryLimit: settings.deviceMemory };
        return { made: await make(device), device: name, warning: null };
      } catch (error) {
        reasons.push(`${name}: ${reasonOf(error as Error)}`);
      }
  }
  if (settings.device !== 'auto' && settings.device !== 'cpu')
    throw new Error(`the device ${settings.device} cannot be used: ${reasons.join('; ')}`);
  return {
    made: await make(undefined),
    device: 'cpu',
    warning: reasons.length > 0 ? `no usable GPU, running on the CPU (${reasons.join('; ')})` : null,
  };
}

/** The last clause of ORT's message: before it come the places in its source that the failure passed. */
export function reasonOf({ message }: Error): string {
  return (
    message
      .split(/ was false\. | : FAIL : /)
      .at(-1)
      ?.trim() ?? message
  );
}

/** What certainly stands in a device's way, before anything is loaded; null when nothing does. */
function obstacleTo(name: DeviceName, choosing: boolean): string | null {
  if (!builtInDevices().includes(name)) return 'this ONNX Runtime was built without it';
  // A driver that computes on the CPU passes for a GPU, and is far slower than the CPU's own kernels.
  if (choosing && !hasGpu()) return 'there is no GPU on this machine';
  return null;
}

/** Whether the system shows a GPU at all. */
function hasGpu(): boolean {
  if (process.platform !== 'linux') return true;
  if (existsSync('/dev/nvidiactl') || existsSync('/dev/dxg')) return true;
  try {
    return readdirSync('/dev/dri').some((entry) => entry.startsWith('renderD'));
  } catch {
    return false;
  }
}
