/** Every command's help on a narrow terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { cells } from '../../src/commands/columns.js';
import { steerd } from '../../src/commands/program.js';

/** All commands, the first with its path. */
const all = (command: Command, path = command.name()): [string, Command][] => [
  [path, command],
  ...command.commands.flatMap((one) => all(one, `${path} ${one.name()}`)),
];

test('the help of every command fits a terminal of 60 columns', (t) => {
  const { stdout } = process;
  const before = { tty: stdout.isTTY, columns: stdout.columns };
  t.after(() => Object.assign(stdout, { isTTY: before.tty, columns: before.columns }));
  const commands = all(steerd());
  assert.ok(commands.length > 30);
  for (const columns of [60, 100]) {
    Object.assign(stdout, { isTTY: true, columns });
    for (const [path, command] of commands) {
      let help = '';
      const writeOut = (text: string) => {
        help += text;
      };
      command.configureOutput({ writeOut, getOutHelpWidth: () => columns }).outputHelp();
      assert.match(help, /^Usage: /, path);
      for (const line of help.split('\n')) assert.ok(cells(line) <= columns, `${path}: ${line}`);
    }
  }
});
