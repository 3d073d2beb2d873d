/** Chooses the device that a model runs on: the one in the settings, or the first of CUDA, WebGPU and CPU that works. */
import { existsSync, readdirSync } from 'node:fs';
import { builtInDevices, type Device, type DeviceName } from '../ort/device.js';
import type { DeviceSettings } from './worker-settings.js';

interface OnDevice<T> {
  readonly made: T;
  readonly device: DeviceName | 'cpu';
  /** For the log, when a device that is there could not be used; null when none is, or it was not asked for. */
  readonly warning: string | null;
}

const wanted: Readonly<Record<DeviceSettings['device'], readonly DeviceName[]>> = {
  auto: ['cuda', 'webgpu'],
  cuda: ['cuda'],
  webgpu: ['webgpu'],
  cpu: [],
};

/**
 * Calls `make` with one device after another (undefined for the CPU) until it does not throw.
 * @param obstacle why a device certainly cannot be used
 * @throws Error when the settings name a device that cannot be used, with its provider's reason; whatever `make` throws
 *   on the CPU
 */
export async function onDevice<T>(
  settings: DeviceSettings,
  make: (device: Device | undefined) => Promise<T>,
  obstacle = obstacleTo,
): Promise<OnDevice<T>> {
  const reasons: string[] = [];
  let failed = false;
  for (const name of wanted[settings.device]) {
    const missing = obstacle(name, settings.device === 'auto');
    if (missing) reasons.push(`${name}: ${missing}`);
    else
      try {
        const device = { name, index: settings.deviceIndex, memoryLimit: settings.deviceMemory };
        return { made: await make(device), device: name, warning: null };
      } catch (error) {
        failed = true;
        reasons.push(`${name}: ${reasonOf(error as Error)}`);
      }
  }
  if (settings.device !== 'auto' && settings.device !== 'cpu')
    throw new Error(`the device ${settings.device} cannot be used: ${reasons.join('; ')}`);
  return {
    made: await make(undefined),
    device: 'cpu',
    // Nobody asked for a GPU where there is none.
    warning: failed ? `no usable GPU, running on the CPU (${reasons.join('; ')})` : null,
  };
}

/** The last clause of ORT's message, without the source locations before it. */
export function reasonOf({ message }: Error): string {
  return (
    message
      .split(/ was false\. | : FAIL : /)
      .at(-1)
      ?.trim() ?? message
  );
}

/** Why a device certainly cannot be used, known before anything is loaded; null when it may. */
export function obstacleTo(name: DeviceName, choosing: boolean): string | null {
  if (!builtInDevices().includes(name)) return 'this ONNX Runtime was built without it';
  // A software driver would count as a GPU, and is far slower than the CPU's own kernels.
  if (choosing && !hasGpu()) return 'there is no GPU on this machine';
  return null;
}

/** Whether the operating system knows a GPU. */
function hasGpu(): boolean {
  if (process.platform !== 'linux') return true;
  if (existsSync('/dev/nvidiactl') || existsSync('/dev/dxg')) return true;
  try {
    return readdirSync('/dev/dri').some((entry) => entry.startsWith('renderD'));
  } catch {
    return false;
  }
}
