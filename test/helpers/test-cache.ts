/** Where tests keep prepared weights from one process to the next: what a file there is named by makes that safe. */
import { join } from 'node:path';
import { packageRoot } from '../../src/common/package.js';

export const testCache = join(packageRoot, 'node_modules', '.cache', 'steerd');
