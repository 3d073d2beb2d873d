/** What an image that only runs the server has no use for, and somebody who broke in has. */
import { basename, dirname } from 'node:path';

const tools =
  /^(gcc|g\+\+|cc|c\+\+|c[89]9|clang|cpp|ld|as|ar|make|gmake|cmake|ninja|npm|npx|corepack|yarn|pnpm|tsc|biome|node-gyp|python[\d.]*|pip[\d.]*|git|curl|wget)(-[\d.]+)?$|-linux-gnu-(gcc|g\+\+|ld|as)/;
const packages = /^app\/node_modules\/(typescript|@typescript|@biomejs|@types|openai|autocannon)\//;

/** @param files paths without a leading slash @returns those that should not be there */
export function buildToolsIn(files: readonly string[]): string[] {
  return files.filter((file) => {
    if (packages.test(file)) return true;
    const folder = basename(dirname(file));
    return (folder === 'bin' || folder === 'sbin' || folder === '.bin') && tools.test(basename(file));
  });
}
