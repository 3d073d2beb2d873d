/**
 * A GPU made of software, for machines without one: SwiftShader, which Debian's `chromium` package brings, behind
 * the Vulkan loader of `libvulkan1`.
 */
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';

const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const loaderFolders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];

/** Why WebGPU cannot run here, and what would help; null when it can. */
export const noSoftwareGpu: string | null = (() => {
  if (process.platform !== 'linux') return 'SwiftShader is looked for on Linux only';
  if (!existsSync(driver)) return `${driver} is missing: apt-get install chromium`;
  const loader = loaderFolders.some(
    (folder) => existsSync(folder) && readdirSync(folder).some((file) => file.startsWith('libvulkan.so.1')),
  );
  return loader ? null : 'libvulkan.so.1 is missing: apt-get install libvulkan1';
})();

if (!noSoftwareGpu) {
  // The Vulkan loader reads these when a session first asks for WebGPU.
  process.env.VK_DRIVER_FILES ??= driver;
  process.env.VK_ICD_FILENAMES ??= driver;
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
}
