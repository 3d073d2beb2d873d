/** `steerd score`: how far a text points along concepts, token by token. */
import type { Command } from 'commander';
import type { Score } from '../schemas/score.js';
import { type ApiOptions, addApi, withApi } from './api.js';
import { cells } from './columns.js';
import { harmless, hasColour, painted, say, sayJson, sayTable, terminalWidth } from './output.js';

export function register(program: Command): void {
  const command = program
    .command('score')
    .description('how far a text points along concepts, token by token')
    .argument('<text>', 'the text')
    .requiredOption('-c, --concept <names...>', 'concepts to read it by');
  const settingsOf = addApi(command);
  command.action(async (input: string, options: ApiOptions & { readonly concept: readonly string[] }) => {
    const settings = settingsOf({ ...options });
    const body = { input, concepts: options.concept };
    const score = await withApi(
      options,
      settings,
      (api) => api.json<Score>('/v1/steering/score', { method: 'POST', body: { ...api.named, ...body } }),
      'model',
    );
    if (options.json) return sayJson(score);
    const shown = (value: number | null | undefined) => (typeof value === 'number' ? value.toFixed(2) : '-');
    if (hasColour()) for (const one of score.concepts) say(tinted(score, one));
    sayTable(
      ['TOKEN', ...score.concepts.map(({ concept }) => concept ?? 'vectors')],
      [
        ...score.tokens.map(({ text }, i) => [
          JSON.stringify(harmless(text)),
          // Models park attention on the first token: its value says nothing of the concept, and the mean leaves it out.
          ...score.concepts.map(({ values }) => (i === 0 && values.length > 1 ? '-' : shown(values[i]))),
        ]),
        ['mean', ...score.concepts.map(({ mean }) => shown(mean))],
      ],
    );
  });
}

/** The text with a background where it reads like the concept: 0 is neutral, 1 as told. */
function tinted({ tokens }: Score, { concept, values }: Score['concepts'][number]): string {
  const width = terminalWidth();
  const lines: string[] = [painted('1', concept ?? 'vectors')];
  let line = '';
  let used = 0;
  for (const [i, { text }] of tokens.entries()) {
    const plain = harmless(text).replaceAll('\n', ' ');
    if (used + cells(plain) > width) {
      lines.push(line);
      line = '';
      used = 0;
    }
    const level = Math.round(Math.min(1, Math.max(0, values[i] ?? 0)) * 5);
    line += level === 0 || i === 0 ? plain : painted(`30;48;5;${[0, 194, 157, 120, 83, 46][level]}`, plain);
    used += cells(plain);
  }
  return [...lines, line, ''].join('\n');
}
