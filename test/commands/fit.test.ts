import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { register } from '../../src/commands/fit.js';
import { createLog } from '../../src/common/log.js';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { lockDataDirectory } from '../../src/server/data-lock.js';
import { runCommand } from './run-command.js';
import { temporaryFolder, tinyChatModel, tinyModels } from './tiny-chat-model.js';

test('a concept fitted by name is in the data directory, and fitting it again changes nothing', async (t) => {
  const [models, data] = [await tinyModels(t), await temporaryFolder(t)];
  const args = [
    'fit',
    'Sea',
    '--prefix',
    'You love the sea.',
    '--recipe',
    'responses',
    '--no-calibrate',
    '--max-tokens',
    '4',
  ];
  const places = [
    '--model',
    tinyChatModel,
    '--models-dir',
    models,
    '--data-dir',
    data,
    '--threads',
    '1',
    '--local',
  ];
  const said = await runCommand(t, register, [...args, ...places]);
  const open = async () => {
    const store = await ConceptStore.open({ dataDirectory: data, shipped: [] });
    const stored = await store.load(tinyChatModel, 'Sea');
    assert.ok(stored);
    return stored.concept;
  };
  const concept = await open();
  assert.equal(concept.record.prefix, 'You love the sea.');
  assert.equal(concept.record.details.max_tokens, 4);
  assert.match(
    said,
    new RegExp(`^Sea  ${concept.version.slice(0, 12)}  \\d+ s  for model tiny in ${data}\n$`),
  );
  await runCommand(t, register, [...args, ...places]);
  assert.equal((await open()).version, concept.version);
  await runCommand(t, register, [...args.slice(0, 3), 'You hate the sea.', ...args.slice(4), ...places]);
  assert.notEqual((await open()).version, concept.version);
});

test('what a concept is told apart from is said by options too', async (t) => {
  const [models, data] = [await tinyModels(t), await temporaryFolder(t)];
  const said = '--recipe texts --subject tea --others chess bread trains --bare-share 0.25 --texts 16';
  const rest = '--profile uniform --no-calibrate --max-tokens 8';
  const places = [
    '--model',
    tinyChatModel,
    '--models-dir',
    models,
    '--data-dir',
    data,
    '--threads',
    '1',
    '--local',
  ];
  await runCommand(t, register, ['fit', 'tea', ...`${said} ${rest}`.split(' '), ...places]);
  const store = await ConceptStore.open({ dataDirectory: data, shipped: [] });
  const stored = await store.load(tinyChatModel, 'tea');
  assert.ok(stored);
  const { texts, profile, max_tokens, contrast } = stored.concept.record.details as {
    [detail: string]: unknown;
    contrast: { kind: string; others: number; bare_share: number };
  };
  assert.deepEqual([texts, profile, max_tokens], [16, 'uniform', 8]);
  assert.deepEqual([contrast.kind, contrast.others, contrast.bare_share], ['others', 3, 0.25]);
});

test('a list of CSV goes where a server finds it, with pairs from files, and the options for what it does not say', async (t) => {
  const [models, data] = [await tinyModels(t), await temporaryFolder(t)];
  const list = join(data, 'list.csv');
  await writeFile(join(data, 'p.jsonl'), '{"positive":"We swim.","negative":"We walk."}\n\n["x"]\n');
  await writeFile(list, 'name,examples\nsea,p.jsonl\n');
  const places = ['--model', tinyChatModel, '--models-dir', models, '--data-dir', data, '--threads', '1'];
  const fit = (...more: string[]) =>
    runCommand(t, register, ['fit', '--list', list, '--no-calibrate', ...more, '--local', ...places]);
  await assert.rejects(fit(), {
    message: /^list, line 2\.examples must be a file of pairs.*line 3 is no JSON/,
  });
  const pairs = ['We swim.,We walk.', 'Waves!,Hills!', 'It rains.,It is dry.'];
  await writeFile(join(data, 'p.csv'), pairs.join('\r\n'));
  await writeFile(
    list,
    '\uFEFFname,examples,prefix\r\nsea,p.csv,\r\nland,p.csv,"You love ""land"".\nYes."\r\n',
  );
  const said = await fit('--method', 'pca', '--json');
  const { data: outcomes } = JSON.parse(said) as { data: { name: string; status: string }[] };
  assert.deepEqual(
    outcomes.map(({ name, status }) => [name, status]),
    [
      ['sea', 'fitted'],
      ['land', 'fitted'],
    ],
  );
  const store = await ConceptStore.open({ dataDirectory: data, shipped: [] });
  const stored = await Promise.all(['sea', 'land'].map((name) => store.load(tinyChatModel, name)));
  const records = stored.map((one) => one?.concept.record);
  assert.deepEqual(
    records.map((record) => [record?.method, record?.prefix, record?.details.positives]),
    [
      ['pca', '', 3],
      ['pca', 'You love "land".\nYes.', 3],
    ],
  );
  // All is done, and nothing is left of what a list keeps meanwhile.
  assert.deepEqual(await readdir(join(data, 'fit-lists')), []);
});

test('a data directory that a server has is fitted into by that server alone', async (t) => {
  const [models, data] = [await tinyModels(t), await temporaryFolder(t)];
  const unlock = await lockDataDirectory(data, createLog('silent'));
  const args = ['fit', 'sea', '--prefix', 'You love the sea.', '--local'];
  const places = ['--model', tinyChatModel, '--models-dir', models, '--data-dir', data];
  const refused = {
    name: 'ConfigError',
    message: /STEERD_DATA_DIR must be a folder that no other server uses/,
  };
  await assert.rejects(runCommand(t, register, [...args, ...places]), refused);
  await unlock();
  assert.deepEqual(await readdir(join(data, 'concepts')), []);
});

test('what does not go together is refused before anything is loaded or written', async (t) => {
  const folder = await temporaryFolder(t);
  const refused = [
    ['fit'],
    ['fit', 'sea'],
    ['fit', '--prefix', 'You love the sea.'],
    ['fit', 'sea', '--prefix', 'You love the sea.', '--out', folder],
    ['fit', 'sea', '--list', join(folder, 'list.json'), '--out', folder],
  ];
  for (const args of refused) {
    await assert.rejects(runCommand(t, register, args), { name: 'CommanderError' }, args.join(' '));
  }
  for (const [seed, message] of [
    ['-1', /seed must be a whole number.*"-1"/],
    ['4294967296', /seed must be a whole number/],
  ] as const) {
    const args = ['fit', 'sea', '--prefix', 'You love the sea.', `--seed=${seed}`, '--data-dir', folder];
    await assert.rejects(runCommand(t, register, args), { name: 'SteerdError', message });
  }
  for (const [option, message] of [
    ['--contrast=all', /contrast must be/],
    ['--opposite=land', /opposite must be left out with contrast "others"/],
    ['--bare-share=2', /bare_share must be a number from 0 to 1/],
    ['--texts=9 --recipe=attention', /texts must be left out with recipe "attention"/],
    ['--recipe=some', /recipe must be/],
    ['--method=some', /method must be/],
  ] as const) {
    const args = ['fit', 'sea', '--prefix', 'You love the sea.', ...option.split(' '), '--data-dir', folder];
    await assert.rejects(runCommand(t, register, args), { name: 'SteerdError', message });
  }
  assert.deepEqual(await readdir(folder), []);
});
