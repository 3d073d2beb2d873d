import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { cells } from '../../src/commands/columns.js';
import { register } from '../../src/commands/demo.js';
import { demoPage } from '../../src/commands/demo-page.js';
import { register as registerFit } from '../../src/commands/fit.js';
import { SteeringItem } from '../../src/schemas/steering.js';
import { runCommand } from './run-command.js';
import { temporaryFolder, tinyChatModel, tinyModels } from './tiny-chat-model.js';

const page = {
  prompts: ['What is it?', 'A question so long that it does not fit a narrow terminal in one line at all?'],
  steerings: ['ocean', 'pirate'].map((concept) => SteeringItem.parse({ concept, strength: 0.5 })),
  answers: ['plain one', 'waves one', 'aye one', 'plain two', 'waves two', 'aye two'],
};

test('every answer stands under its own title, plain and steered side by side', () => {
  const lines = demoPage(page, { width: 80, colour: false });
  const rows = lines.map((line) => line.split(/ {3,}/));
  const at = (text: string) => rows.findIndex((row) => row.includes(text));
  assert.deepEqual(rows[at('unsteered')], ['unsteered', 'ocean, strength 0.5']);
  assert.deepEqual(rows[at('unsteered') + 1], ['plain one', 'waves one']);
  assert.deepEqual(rows[at('pirate, strength 0.5') + 1], ['aye one']);
  assert.ok(at('aye one') < at('plain two'));
  assert.deepEqual(rows[at('plain two')], ['plain two', 'waves two']);
});

test('no line is wider than the terminal, and colours change nothing else', () => {
  for (const width of [40, 80, 140]) {
    const plain = demoPage(page, { width, colour: false });
    for (const line of plain) assert.ok(cells(line) <= width, `${width}: ${line}`);
    const coloured = demoPage(page, { width, colour: true });
    assert.notDeepEqual(coloured, plain);
    assert.deepEqual(coloured.map(stripVTControlCharacters), plain);
  }
});

test('the demo shows any model and a concept fitted a moment ago, and leaves nothing behind', async (t) => {
  const places = ['--model', tinyChatModel, '--models-dir', await tinyModels(t), '--threads', '1'];
  places.push('--data-dir', await temporaryFolder(t));
  const fit = ['fit', 'Sea', '--prefix', 'You love the sea.', '--recipe', 'attention'];
  fit.push('--max-tokens', '2', ...places);
  await runCommand(t, registerFit, fit);
  const demo = (...args: string[]) => runCommand(t, register, ['demo', ...args, ...places]);
  const said = await demo('--prompt', "What's up?", '--strength', '2');
  assert.match(said, /^\u2500+\nWhat's up\?\n\nunsteered +Sea, strength 2\n/);
  assert.match(said, /tiny wrote 2 answers/);
  const body = /-d '(.*)'\n$/.exec(said)?.[1]?.replaceAll("'\\''", "'");
  assert.ok(body);
  assert.deepEqual(JSON.parse(body).messages, [{ role: 'user', content: "What's up?" }]);
  assert.deepEqual([JSON.parse(body).concept, JSON.parse(body).strength], ['Sea', 2]);
  await assert.rejects(demo('--concept', 'Moon'), { code: 'concept_not_found', message: /Sea/ });
  await assert.rejects(demo('--strength', 'much'), { code: 'invalid_value', message: /strength/ });
});
