/**
 * `steerd demo`: the same prompts answered plain and steered, side by side in the terminal, by the server that answers or in this process.
 * All answers to a prompt are one request, each under its own steering, and the requests go at once.
 */
import type { Command } from 'commander';
import { settingsTable } from '../config.js';
import type { ConceptList } from '../schemas/concepts.js';
import { SteeringItem } from '../schemas/steering.js';
import { validated } from '../schemas/validation.js';
import { type Answers, answersOf } from './answers.js';
import { type Api, ApiError, type ApiOptions, addApi, withApi } from './api.js';
import { demoPage } from './demo-page.js';
import { hasColour, say, sayJson, sayWrapped } from './output.js';
import { ProgressLine } from './progress-line.js';
import { numberOf } from './steering-options.js';

const usualPrompts = [
  'What did you do this weekend?',
  'Tell me how you would welcome a guest.',
  'Tell me about your last holiday.',
];
/** Where the model lacks one of them, another of its concepts takes the place. */
const usualConcepts = ['ocean', 'egypt', 'winter'];
const answerTokens = 48;
const widthWithoutTerminal = 100;

interface DemoOptions extends ApiOptions {
  readonly prompt?: string[];
  readonly concept?: string[];
  readonly strength?: string;
}

export function register(program: Command): void {
  const command: Command = program
    .command('demo')
    .description('answer the same prompts plain and steered, side by side in the terminal')
    .option('--prompt <text...>', `what to ask (default: ${usualPrompts.length} every-day questions)`)
    .option('-c, --concept <name...>', `concepts to steer by (default: ${usualConcepts.join(', ')})`)
    .option('-s, --strength <number>', '1 is strong and still fluent, 0 is off (default: 1)');
  const settingsOf = addApi(command);
  command.action(async (options: DemoOptions) => {
    const { concept, prompt: prompts = usualPrompts } = options;
    // Known before anything is opened.
    const given = concept?.map((name) => steeringItem(name, options.strength));
    await withApi(options, settingsOf({ ...options }), (api) => demo(api, prompts, given, options), 'model');
  });
}

async function demo(
  api: Api,
  prompts: readonly string[],
  given: readonly SteeringItem[] | undefined,
  { strength, json }: DemoOptions,
): Promise<void> {
  const steerings = given ?? (await chooseConcepts(api)).map((name) => steeringItem(name, strength));
  const { model, answers, tokens, seconds } = await answerAll(api, prompts, steerings);
  if (json) {
    sayJson({ model, tokens, seconds, data: told(prompts, steerings, answers) });
    return;
  }
  const width = process.stdout.columns ?? widthWithoutTerminal;
  say(demoPage({ prompts, steerings, answers }, { width, colour: hasColour() }).join('\n'));
  const where = api.where === null ? '' : ` on ${api.where}`;
  sayWrapped(
    `${model}${where} wrote ${answers.length} answers (${tokens} tokens, greedy) at once in ${seconds.toFixed(1)} s.`,
  );
  sayWrapped(api.where === null ? 'Over HTTP: npx steerd serve, and in another terminal' : 'Over HTTP:');
  say(request(api, prompts[0], steerings[0]));
}

/** Each prompt with its answers, the plain one first. */
const told = (prompts: readonly string[], steerings: readonly SteeringItem[], answers: readonly string[]) =>
  prompts.map((prompt, i) => ({
    prompt,
    answers: [undefined, ...steerings].map((item, j) => ({
      concept: item?.concept ?? null,
      strength: item?.strength ?? 0,
      text: answers[i * (1 + steerings.length) + j],
    })),
  }));

/** A command to copy. A server that is still to be started may have other settings: it says where it listens. */
function request({ where, named }: Api, prompt = '', steering?: SteeringItem): string {
  const server = where?.replace(/\/+$/, '') ?? `http://127.0.0.1:${settingsTable.port.fallback}`;
  const body = JSON.stringify({
    ...named,
    messages: [{ role: 'user', content: prompt }],
    ...(steering === undefined ? {} : { concept: steering.concept, strength: steering.strength }),
    max_tokens: answerTokens,
    temperature: 0,
  });
  const key = process.env[settingsTable.apiKey.env]?.trim();
  const header = key && where !== null ? ` -H "authorization: Bearer $${settingsTable.apiKey.env}"` : '';
  const quoted = `'${body.replaceAll("'", "'\\''")}'`;
  return `curl -s ${server}/v1/chat/completions${header} -H 'content-type: application/json' -d ${quoted}`;
}

async function chooseConcepts(api: Api): Promise<string[]> {
  const usual: string[] = [];
  // Of thousands the usual ones may be on any page.
  for (const name of usualConcepts) if (await isThere(api, name)) usual.push(name);
  if (usual.length === usualConcepts.length) return usual;
  const { data } = await api.json<ConceptList>(api.concepts('', { model: await api.model() }));
  const others = data.map(({ name }) => name).filter((name) => !usual.includes(name));
  return [...usual, ...others].slice(0, usualConcepts.length);
}

const isThere = (api: Api, name: string): Promise<boolean> =>
  api.json(api.concepts(`/${encodeURIComponent(name)}`)).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ApiError && error.code === 'concept_not_found') return false;
      throw error;
    },
  );

/** Checked as a request's would be. */
function steeringItem(concept: string, strength: string | undefined): SteeringItem {
  const item = { concept, ...(strength === undefined ? {} : { strength: numberOf('--strength', strength) }) };
  return validated(SteeringItem, item);
}

interface Demo {
  readonly model: string;
  /** Of every prompt: the plain answer, then one per steering. */
  readonly answers: readonly string[];
  readonly tokens: number;
  readonly seconds: number;
}

async function answerAll(
  api: Api,
  prompts: readonly string[],
  steerings: readonly SteeringItem[],
): Promise<Demo> {
  const choices = [null, ...steerings.map(({ concept, strength }) => ({ concept, strength }))];
  const count = prompts.length * choices.length;
  const so = { ...api.named, steering: { choices }, max_tokens: answerTokens, temperature: 0 };
  const far: Answers[] = [];
  const tokens = () => far.reduce((sum, one) => sum + one.tokens, 0);
  const progress = new ProgressLine();
  const show = () => {
    const done = far.flatMap(({ finishes }) => finishes).filter((finish) => finish !== null).length;
    const share = tokens() / (count * answerTokens);
    progress.update(`writing ${count} answers ...`, `${tokens()} tokens, ${done} of ${count} done`, share);
  };
  const started = performance.now();
  show();
  try {
    const all = await Promise.all(
      prompts.map((content, i) => {
        const body = { ...so, messages: [{ role: 'user', content }] };
        const onStep = (now: Answers) => {
          far[i] = now;
          show();
        };
        return answersOf(api, body, choices.length, onStep, api.signal);
      }),
    );
    const answers = all.flatMap(({ texts, finishes }) =>
      texts.map((text, i) => (finishes[i] === 'length' ? `${text} \u2026` : text)),
    );
    const seconds = (performance.now() - started) / 1000;
    return { model: all[0]?.model ?? '', answers, tokens: tokens(), seconds };
  } finally {
    progress.clear();
  }
}
