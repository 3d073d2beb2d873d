/** A builder that copies an export which can be served, for tests of what is around a build. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../../src/common/package.js';
import type { Builder } from '../../../src/models/import/builder.js';

const fixtures = join(packageRoot, 'test/fixtures');

export const quick: Builder = {
  size: () => 1_000_000,
  async build({ out, signal, onProgress }) {
    for (const file of ['model.onnx', 'model.onnx.data']) {
      await copyFile(join(fixtures, 'llama-genai', file), join(out, file));
      onProgress({ done: file === 'model.onnx' ? 1 : 2, total: 2 });
      signal.throwIfAborted();
    }
    await writeFile(join(out, '.build-state'), 'done');
  },
};
