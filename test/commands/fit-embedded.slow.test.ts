/** `steerd fit --list` on the embedded model. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { register } from '../../src/commands/fit.js';
import { packageRoot } from '../../src/common/package.js';
import { decodeConcept } from '../../src/concepts/concept-file.js';
import { runCommand } from './run-command.js';
import { temporaryFolder } from './tiny-chat-model.js';

const embedded = 'smollm2-135m-instruct';

test('a list fitted twice on the embedded model gives the same bytes, whatever the threads', async (t) => {
  const folder = await temporaryFolder(t);
  const list = join(folder, 'list.json');
  const asked = ['How was your day?', 'Where do you live?', 'What do you like?', 'Tell me a story.'];
  const entry = {
    name: 'sea-talk',
    prefix: 'You love the sea. Talk about the waves.',
    recipe: 'attention',
    max_tokens: 8,
    calibrate: false,
  };
  const statements = { positive: asked, negative: asked.slice(1) };
  await writeFile(list, JSON.stringify([{ ...entry, statements }]));
  const fit = async (out: string, threads: string) => {
    const models = join(packageRoot, 'models');
    const where = ['--model', embedded, '--models-dir', models, '--threads', threads];
    await runCommand(t, register, ['fit', '--list', list, '--out', join(folder, out), ...where]);
    assert.deepEqual(await readdir(join(folder, out)), ['sea-talk.safetensors']);
    return readFile(join(folder, out, 'sea-talk.safetensors'));
  };
  const first = await fit('first', '1');
  assert.ok(first.equals(await fit('second', '2')));
  const concept = decodeConcept(first);
  assert.equal(concept.name, 'sea-talk');
  assert.equal(concept.model, embedded);
  assert.deepEqual([concept.record.details.positives, concept.record.details.negatives], [4, 3]);
});
