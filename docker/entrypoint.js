/**
 * The images' entry point: `steerd` with the arguments given, in this process, so that signals reach the server.
 * Before that every model which comes with the image is linked into the models directory: a volume or folder
 * mounted there would hide it. What has its name there already stays.
 */
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const app = join(dirname(fileURLToPath(import.meta.url)), '..');
const shipped = join(app, 'models');
const served = process.env.STEERD_MODELS_DIR?.trim();

if (served && resolve(served) !== shipped) {
  for (const id of readdirSync(shipped)) {
    try {
      mkdirSync(served, { recursive: true });
      symlinkSync(join(shipped, id), join(served, id));
    } catch (error) {
      // A folder that cannot be written holds what its owner put there; only whoever asks for `id` misses it.
      if (error.code !== 'EEXIST')
        process.stderr.write(`cannot link the model ${id} into ${served}: ${error.message}\n`);
    }
  }
}

await import('../dist/src/cli.js');
