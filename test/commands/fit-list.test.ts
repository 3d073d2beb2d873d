import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFitList } from '../../src/commands/fit-list.js';
import { temporaryFolder } from './tiny-chat-model.js';

const sea = { name: 'sea', prefix: 'You love the sea.' };

test('entries take the fields and the defaults of a fit request', async (t) => {
  const file = join(await temporaryFolder(t), 'list.json');
  await writeFile(file, JSON.stringify([sea, { ...sea, name: 'old-sea-2', model: 'm', seed: 7 }]));
  const list = await readFitList(file, 'm');
  assert.deepEqual(
    list.map(({ name, seed, recipe, profile }) => [name, seed, recipe, profile]),
    [
      ['sea', 0, 'auto', undefined],
      ['old-sea-2', 7, 'auto', undefined],
    ],
  );
});

test('a fault is named with its entry and field', async (t) => {
  const file = join(await temporaryFolder(t), 'list.json');
  const faults: [content: string, message: RegExp][] = [
    ['[', /list must be a JSON file; .*list\.json is not/],
    [JSON.stringify([]), /list must be .*at least 1/],
    [JSON.stringify({ sea }), /list must be a list/],
    [JSON.stringify([sea, { name: 'b' }]), /list\.1\.prefix must be a text/],
    [JSON.stringify([{ ...sea, strength: 1 }]), /"strength"/],
    [JSON.stringify([{ ...sea, name: 'The Sea' }]), /list\.0\.name must be .*"The Sea"/],
    [JSON.stringify([sea, sea]), /list\.1\.name must be a name that no entry before it has/],
    [JSON.stringify([{ ...sea, model: 'other' }]), /list\.0\.model must be left out or m, .*"other"/],
    ['[{"name":"a","name":"b","prefix":"p"}]', /list must be a JSON file/],
  ];
  for (const [content, message] of faults) {
    await writeFile(file, content);
    await assert.rejects(readFitList(file, 'm'), { name: 'SteerdError', status: 400, message }, content);
  }
  await assert.rejects(readFitList(join(file, 'none'), 'm'), { name: 'SteerdError', message: /can be read/ });
});
