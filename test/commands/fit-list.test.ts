import assert from 'node:assert/strict';
import { appendFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ApiError } from '../../src/commands/api.js';
import { FitJournal } from '../../src/commands/fit-journal.js';
import { readFitList } from '../../src/commands/fit-list.js';
import { type Fitter, fitList } from '../../src/commands/fit-list-run.js';
import { Interrupted } from '../../src/commands/interruption.js';
import { temporaryFolder } from './tiny-chat-model.js';

const files = { model: 'm', asFiles: true };
const sea = { name: 'sea', prefix: 'You love the sea.' };

test('entries take the fields and the defaults of a fit request', async (t) => {
  const file = join(await temporaryFolder(t), 'list.json');
  await writeFile(file, JSON.stringify([sea, { ...sea, name: 'old-sea-2', model: 'm', seed: 7 }]));
  const list = await readFitList(file, files);
  assert.deepEqual(
    list.map(({ request: { name, seed, recipe, profile } }) => [name, seed, recipe, profile]),
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
    await assert.rejects(readFitList(file, files), { name: 'SteerdError', status: 400, message }, content);
  }
  await assert.rejects(readFitList(join(file, 'none')), { name: 'SteerdError', message: /can be read/ });
});

test('CSV and JSON lines say the same as JSON, and entries go before what is said beside the list', async (t) => {
  const folder = await temporaryFolder(t);
  const entries = [
    { name: 'sea', prefix: 'Say "sea",\nalways.', seed: 7, calibrate: false },
    {
      name: 'tea',
      subject: 'tea',
      recipe: 'texts',
      others: ['coffee', 'milk'],
      layers: [1, 2],
      bare_share: 0.5,
    },
  ];
  const csv = [
    'name,prefix,seed,calibrate,subject,recipe,others,layers,bare_share',
    'sea,"Say ""sea"",\nalways.",7,FALSE,,,,,',
    '',
    'tea,,,,tea,texts,coffee | milk,"[1, 2]",0.5',
  ].join('\r\n');
  const read = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    const list = await readFitList(join(folder, name), { defaults: { seed: 3, method: 'pca' } });
    return list.map(({ request }) => request);
  };
  const expected = await read('list.json', JSON.stringify(entries, null, 1));
  assert.deepEqual(
    expected.map(({ seed, method }) => [seed, method]),
    [
      [7, 'pca'],
      [3, 'pca'],
    ],
  );
  assert.deepEqual(await read('list.csv', csv), expected);
  assert.deepEqual(
    await read('list.jsonl', entries.map((entry) => JSON.stringify(entry)).join('\n')),
    expected,
  );
  const refused: [text: string, message: RegExp][] = [
    ['name,prefix\nsea,You love it.,1', /list, line 2 must be a row of 2 cells.*3 cells/],
    ['name,prefix\n\nsea,', /list, line 3\.prefix must be/],
    ['name,prefix,colour\nsea,p,blue', /list, line 2\..*"colour"/],
    ['name,seed,prefix\nsea,often,p', /list, line 2\.seed must be a whole number.*"often"/],
    ['title,prefix\nsea,p', /column "name"/],
    ['{"name":"a","prefix":"p"}\n{"name":', /line 2 is no JSON/],
  ];
  for (const [text, message] of refused)
    await assert.rejects(read('list.csv', text), { name: 'SteerdError', status: 400, message }, text);
  await writeFile(join(folder, 'list.csv'), Buffer.from('name,prefix', 'utf16le'));
  await assert.rejects(readFitList(join(folder, 'list.csv')), { message: /column "name"/ });
  await writeFile(join(folder, 'list.csv'), Buffer.from([0xff, 0xfe, 0x61, 0]));
  await assert.rejects(readFitList(join(folder, 'list.csv')), { message: /UTF-16; save it as UTF-8/ });
});

test('a list that was interrupted goes on, follows the job that it had asked for, and retries what failed', async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, 'list.json');
  await writeFile(file, JSON.stringify(['a', 'b', 'c', 'd'].map((name) => ({ ...sea, name }))));
  const list = await readFitList(file);
  const place = { folder: null, dataDirectory: folder, list: file, where: 'http://there' };
  const versions = new Map<string, string>();
  let asked: string[] = [];
  const runUntil = (end: string | null, options = {}) => {
    asked = [];
    const fitter: Fitter = {
      async fit({ fields: { name } }, title, job, onJob) {
        asked.push(`${title} ${job ?? 'new'}`);
        if (name === end) {
          await onJob(`fit-${name}`);
          throw new Interrupted(130, 'stopped');
        }
        if (name === 'b' && end !== null) throw new ApiError('b cannot be', 1);
        versions.set(name, `v-${name}`);
        return { version: `v-${name}`, seconds: 60, warnings: [], where: '' };
      },
      versionOf: async ({ fields: { name } }) => versions.get(name) ?? null,
    };
    t.mock.method(process.stderr, 'write', () => true);
    return FitJournal.open(place, options).then((journal) => fitList(list, fitter, journal, { json: true }));
  };
  const out = t.mock.method(process.stdout, 'write', () => true);
  await assert.rejects(runUntil('c'), { name: 'Interrupted' });
  assert.deepEqual(asked, [
    'a (1 of 4) new',
    'b (2 of 4, about 3 min left) new',
    'c (3 of 4, about 2 min left) new',
  ]);
  // As after a power cut: half a line.
  const [journal = ''] = await readdir(join(folder, 'fit-lists'));
  await appendFile(join(folder, 'fit-lists', journal), '{"fit":"');
  await assert.rejects(runUntil('x'), { name: 'ApiError', message: /1 of 4 fits failed: b; the same/ });
  assert.deepEqual(asked, [
    'b (2 of 4, about 3 min left) new',
    'c (3 of 4, about 2 min left) fit-c',
    'd (4 of 4, about 60 s left) new',
  ]);
  // A concept that was replaced meanwhile is not the one that the list made.
  versions.set('d', 'v-other');
  await runUntil(null);
  assert.deepEqual(
    asked.map((one) => one.slice(0, 1)),
    ['b', 'd'],
  );
  assert.deepEqual(await readdir(join(folder, 'fit-lists')), []);
  await assert.rejects(runUntil('b'), { name: 'Interrupted' });
  await runUntil(null, { again: true });
  assert.equal(asked.length, 4);
  out.mock.restore();
});
