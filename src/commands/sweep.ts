/** `steerd sweep`: prompts x concepts x strengths, each answer with its numbers. */
import type { Command } from 'commander';
import type { Sweep } from '../schemas/measurements.js';
import { type ApiOptions, addApi, withApi } from './api.js';
import { painted, say, sayJson, sayTable, sayWrapped } from './output.js';
import { ProgressLine } from './progress-line.js';
import { countOf, numberOf } from './steering-options.js';

interface Options extends ApiOptions {
  readonly concept: readonly string[];
  readonly strength: readonly string[];
  readonly maxTokens?: string;
  readonly csv?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('sweep')
    .description('compare concepts and strengths on your own prompts')
    .argument('<prompts...>', 'what to ask')
    .requiredOption('-c, --concept <names...>', 'concepts to steer by')
    .option('-s, --strength <numbers...>', 'strengths of each', ['0', '0.5', '1'])
    .option('--max-tokens <number>', 'most tokens of each answer (default: 48)')
    .option('--csv', 'as comma-separated values', false);
  const settingsOf = addApi(command);
  command.action(async (prompts: readonly string[], options: Options) => {
    const body = {
      prompts,
      concepts: options.concept,
      strengths: options.strength.map((text) => numberOf('--strength', text)),
      ...(options.maxTokens !== undefined && { max_tokens: countOf('--max-tokens', options.maxTokens) }),
    };
    const settings = settingsOf({ ...options });
    const progress = new ProgressLine();
    const run = () =>
      withApi(
        options,
        settings,
        (api) => {
          const answers = prompts.length * body.concepts.length * body.strengths.length;
          progress.update(`writing and measuring ${answers} answers ...`);
          return api.json<Sweep>('/v1/steering/sweep', { method: 'POST', body: { ...api.named, ...body } });
        },
        'model',
      );
    const sweep = await run().finally(() => progress.clear());
    if (options.json) sayJson(sweep);
    else if (options.csv) sayCsv(sweep, prompts);
    else show(sweep, prompts);
  });
}

const shown = (value: number | null) => (value === null ? '-' : value.toFixed(2));

function show({ data, summary }: Sweep, prompts: readonly string[]): void {
  for (const [index, prompt] of prompts.entries()) {
    sayWrapped(prompt, process.stdout, '1');
    for (const one of data.filter((row) => row.prompt === index)) {
      say(painted('36', `  ${one.concept} at ${one.strength}`));
      sayWrapped(one.answer);
    }
    say('');
  }
  sayTable(
    ['CONCEPT', 'STRENGTH', 'EVIDENCE', 'LOG-PROB', 'DISTINCT-2'],
    summary.map((row) => [
      row.concept,
      String(row.strength),
      shown(row.evidence),
      shown(row.log_probability),
      shown(row.distinct_2),
    ]),
  );
}

function sayCsv({ data }: Sweep, prompts: readonly string[]): void {
  // What a table program would take for a formula begins with one of these.
  const cell = (value: string | number | null) =>
    typeof value === 'string'
      ? `"${(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`
      : String(value ?? '');
  say('prompt,concept,strength,evidence,log_probability,distinct_2,tokens,answer');
  for (const row of data) {
    const { prompt, concept, strength, evidence, log_probability, distinct_2, tokens, answer } = row;
    const cells = [
      prompts[prompt] ?? '',
      concept,
      strength,
      evidence,
      log_probability,
      distinct_2,
      tokens,
      answer,
    ];
    say(cells.map(cell).join(','));
  }
}
