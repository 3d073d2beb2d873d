/** `steerd calibrate`: measures what strength 1 of a concept means, as a job with progress. */
import type { Command } from 'commander';
import type { ConceptObject } from '../schemas/concepts.js';
import type { CalibrationJob } from '../schemas/measurement-jobs.js';
import { type ApiOptions, addApi, withApi } from './api.js';
import { conceptCard } from './concept-card.js';
import { askForJob, followStages } from './follow-job.js';
import { say, sayJson, sayWrapped, terminalWidth } from './output.js';
import { promptsOf } from './prompt-file.js';
import { countOf, numberOf } from './steering-options.js';

interface Options extends ApiOptions {
  readonly prefix?: string;
  readonly questions?: string;
  readonly others?: readonly string[];
  readonly shares?: readonly string[];
  readonly fluency?: string;
  readonly divergence?: string;
  readonly maxTokens?: string;
  readonly glance?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('calibrate')
    .description('measure what strength 1 of a concept means, on your own questions if you like')
    .argument('<name>', 'the concept')
    .option('--prefix <text>', 'states the concept, for the evidence (default: what the fit used)')
    .option('--questions <file>', 'questions to ask: one a line, or CSV, JSON lines or JSON with "question"')
    .option('--others <text...>', 'messages of other things, which must not explain the answers as well')
    .option('--shares <numbers...>', 'measured instead of a search: |edit| as shares of |residual|')
    .option('--fluency <number>', 'least fluency at the max strength (default: 0.5)')
    .option('--divergence <nats>', 'most nats that the next token may move (default: no bound)')
    .option('--max-tokens <number>', 'most tokens of each answer (default: 24)')
    .option(
      '--glance',
      'only about where strength 1 lies, in a small part of the time; without --others, --shares, --fluency and --divergence',
    );
  const settingsOf = addApi(command);
  command.action(async (name: string, options: Options) => {
    const body = await bodyOf(name, options);
    const done = await withApi(
      options,
      settingsOf({ ...options }),
      async (api) => {
        const { id } = await askForJob<CalibrationJob>(api, '/v1/calibrations', { ...api.named, ...body });
        const job = await followStages<CalibrationJob>(
          api,
          `/v1/calibrations/${id}`,
          name,
          'the calibration',
        );
        const path = api.concepts(`/${encodeURIComponent(name)}`, { model: job.model });
        return { job, concept: await api.json<ConceptObject>(path) };
      },
      'model',
    );
    if (options.json) sayJson(done.job);
    else {
      say(conceptCard(done.concept, Math.min(110, terminalWidth())).join('\n'));
      for (const warning of done.job.warnings) sayWrapped(`warning: ${warning}`, process.stderr);
    }
  });
}

async function bodyOf(concept: string, options: Options): Promise<Record<string, unknown>> {
  const { prefix, others, shares, fluency, divergence, maxTokens, questions, glance } = options;
  const bound = {
    ...(fluency !== undefined && { fluency: numberOf('--fluency', fluency) }),
    ...(divergence !== undefined && { divergence: numberOf('--divergence', divergence) }),
  };
  return {
    concept,
    ...(prefix !== undefined && { prefix }),
    ...(others !== undefined && { others }),
    ...(shares !== undefined && { shares: shares.map((share) => numberOf('--shares', share)) }),
    ...(Object.keys(bound).length > 0 && { bound }),
    ...(maxTokens !== undefined && { max_tokens: countOf('--max-tokens', maxTokens) }),
    ...(glance === true && { glance }),
    ...(questions !== undefined && {
      questions: await promptsOf(questions, 'questions', ['question', 'prompt']),
    }),
  };
}
