/** `steerd sweep`: prompts x concepts x strengths, each answer with its numbers. */
import type { Command } from 'commander';
import type { SweepJob } from '../schemas/measurement-jobs.js';
import type { Sweep } from '../schemas/measurements.js';
import { plainText } from '../tables/rows.js';
import { type ApiOptions, addApi, withApi } from './api.js';
import { askForJob, followStages } from './follow-job.js';
import { harmless, painted, say, sayJson, sayTable, sayWrapped } from './output.js';
import { promptsOf } from './prompt-file.js';
import { countOf, numberOf } from './steering-options.js';

interface Options extends ApiOptions {
  readonly concept: readonly string[];
  readonly strength: readonly string[];
  readonly maxTokens?: string;
  readonly prompts?: string;
  readonly csv?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('sweep')
    .description('compare concepts and strengths on your own prompts')
    .argument('[prompts...]', 'what to ask')
    .option('--prompts <file>', 'more to ask: one a line, or CSV, JSON lines or JSON with "prompt"')
    .requiredOption('-c, --concept <names...>', 'concepts to steer by')
    .option('-s, --strength <numbers...>', 'strengths of each', ['0', '0.5', '1'])
    .option('--max-tokens <number>', 'most tokens of each answer (default: 48)')
    .option('--csv', 'as comma-separated values', false);
  const settingsOf = addApi(command);
  command.action(async (given: string[], options: Options) => {
    const more = options.prompts === undefined ? [] : await promptsOf(options.prompts, 'prompts', ['prompt']);
    const prompts = [...given, ...more];
    if (prompts.length === 0)
      command.error('error: say what to ask: prompts, or --prompts and a file of them');
    const body = {
      prompts,
      concepts: options.concept,
      strengths: options.strength.map((text) => numberOf('--strength', text)),
      ...(options.maxTokens !== undefined && { max_tokens: countOf('--max-tokens', options.maxTokens) }),
    };
    const sweep = await withApi(
      options,
      settingsOf({ ...options }),
      async (api) => {
        const { id, answers } = await askForJob<SweepJob>(api, '/v1/sweeps', { ...api.named, ...body });
        const { result } = await followStages<SweepJob>(
          api,
          `/v1/sweeps/${id}`,
          `${answers} answers`,
          'the sweep',
        );
        return result as Sweep;
      },
      'model',
    );
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

/** Its control characters are left out: they are a terminal's as soon as somebody looks at the file. `--json` has them all. */
export function csvText(text: string): string {
  const plain = harmless(plainText(text));
  // What a table program would take for a formula begins with one of these.
  return `"${(/^[=+\-@\t]/.test(plain) ? `'${plain}` : plain).replaceAll('"', '""')}"`;
}

function sayCsv({ data }: Sweep, prompts: readonly string[]): void {
  const cell = (value: string | number | null) =>
    typeof value === 'string' ? csvText(value) : String(value ?? '');
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
