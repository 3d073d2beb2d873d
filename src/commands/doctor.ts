/** `steerd doctor`: what a server would meet here, and what to do about each thing that is wrong. */
import type { Command } from 'commander';
import { settingNames } from '../config.js';
import { diagnose, type Finding } from './checks.js';
import { wrap } from './columns.js';
import { painted, say, sayJson, terminalWidth } from './output.js';
import { addSettings } from './settings-options.js';

export function register(program: Command): void {
  const command = program
    .command('doctor')
    .description('look for what is wrong, and say what to do about it; exit code 1 when something is')
    .option('--json', 'as JSON', false);
  const wanted = ['host', 'port', 'model', 'modelsDirectory', 'dataDirectory', 'device'] as const;
  const settingsOf = addSettings(
    command,
    settingNames.filter((name) => wanted.some((one) => one === name)),
  );
  command.action(async (options: { readonly json?: boolean }) => {
    const findings = await diagnose(settingsOf({ ...options }));
    if (options.json) sayJson({ findings });
    else for (const finding of findings) say(linesOf(finding).join('\n'));
    if (findings.some(({ state }) => state === 'wrong')) process.exitCode = 1;
  });
}

const marks = {
  right: ['32', 'ok   '],
  doubtful: ['33', 'hm   '],
  wrong: ['31', 'wrong'],
} as const;

const nameWidth = 16;

function linesOf({ check, state, found, todo }: Finding): string[] {
  const [colour, mark] = marks[state];
  const indent = mark.length + 1 + nameWidth;
  // In a file or a pipe a finding is one line.
  const width = process.stdout.isTTY ? Math.max(20, terminalWidth() - indent) : Number.POSITIVE_INFINITY;
  const [first = '', ...more] = wrap(found, width);
  const rest = [...more, ...(todo === null ? [] : wrap(`-> ${todo}`, width))];
  return [
    `${painted(colour, mark)} ${check.padEnd(nameWidth)}${first}`,
    ...rest.map((line) => ' '.repeat(indent) + line),
  ];
}
