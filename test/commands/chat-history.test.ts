/** What was typed in a chat: it comes back in the next one, is bounded, and is nobody else's to read. */
import assert from 'node:assert/strict';
import { readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ChatHistory, mostLines } from '../../src/commands/chat-history.js';
import { userStateFolder } from '../../src/common/user-folders.js';
import { temporaryFolder } from './tiny-chat-model.js';

test('what was typed comes back oldest first, each line once, and only its user may read it', async (t) => {
  const file = join(await temporaryFolder(t), 'deep', 'history');
  const first = await ChatHistory.open(file);
  const beside = await ChatHistory.open(file);
  for (const line of ['Who are you?', '/strength 0.5', '', ' a secret', 'a\x1b[2J b\r', 'Who are you?'])
    await first.add(line);
  await beside.add('from the other window');
  const { lines } = await ChatHistory.open(file);
  assert.deepEqual(lines, ['/strength 0.5', 'a[2J b', 'Who are you?', 'from the other window']);
  if (process.platform !== 'win32') assert.equal((await stat(file)).mode & 0o777, 0o600);
  await beside.clear();
  assert.deepEqual((await ChatHistory.open(file)).lines, []);
});

test('the newest lines are kept, however many and however long they are', async (t) => {
  const file = join(await temporaryFolder(t), 'history');
  const lines = Array.from({ length: mostLines }, (_, i) => `line ${i}`);
  await (await ChatHistory.open(file)).add('begun');
  await writeFile(file, `${(await readFile(file, 'utf8')).split('\n')[0]}\n${lines.join('\n')}\n`);
  const history = await ChatHistory.open(file);
  await history.add('the last');
  assert.deepEqual(history.lines, [...lines.slice(1), 'the last']);
  for (const letter of ['x', 'y', 'z']) await history.add(letter.repeat(100_000));
  assert.deepEqual(
    history.lines.map((line) => line[0]),
    ['y', 'z'],
  );
  assert.ok((await stat(file)).size <= 256 * 1024);
});

test('a file of somebody else is refused and stays as it is; "none" writes nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const notes = join(folder, 'notes.txt');
  await writeFile(notes, 'milk\neggs\n');
  await symlink(notes, join(folder, 'link'));
  for (const file of [notes, folder, join(folder, 'link')])
    await assert.rejects(ChatHistory.open(file), { code: 'invalid_value', message: /--history must be/ });
  assert.equal(await readFile(notes, 'utf8'), 'milk\neggs\n');
  const none = await ChatHistory.open('none');
  await none.add('here only');
  assert.deepEqual(none.lines, ['here only']);
});

test('it is kept where each system keeps what a program remembers', () => {
  const of = (platform: NodeJS.Platform, environment: Record<string, string> = {}) =>
    userStateFolder({ environment, platform, home: '/home/me' });
  assert.equal(of('linux'), '/home/me/.local/state/steerd');
  assert.equal(of('linux', { XDG_STATE_HOME: '/state' }), '/state/steerd');
  assert.equal(of('linux', { XDG_STATE_HOME: 'relative' }), '/home/me/.local/state/steerd');
  assert.equal(of('darwin'), '/home/me/Library/Application Support/steerd');
});
