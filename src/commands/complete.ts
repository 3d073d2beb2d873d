/** `steerd complete`: one answer to one prompt, as it is written. */
import { type Command, Option } from 'commander';
import { errors } from '../errors.js';
import { type Api, type ApiOptions, addApi, withApi } from './api.js';
import { harmless, lineWidth, say, sayJson, WordWriter } from './output.js';
import { addSteering, countOf, itemsOf, numberOf, type SteeringOptions } from './steering-options.js';

interface Options extends ApiOptions, SteeringOptions {
  readonly maxTokens?: string;
  readonly temperature?: string;
  readonly seed?: string;
  readonly system?: string;
  readonly raw?: boolean;
}

export function register(program: Command): void {
  const command: Command = program
    .command('complete')
    .description('answer one prompt, steered or not')
    .argument('[prompt]', 'what to ask; standard input when left out or -')
    .option('--max-tokens <number>', 'most tokens of the answer')
    .option('--temperature <number>', '0 is greedy')
    .option('--seed <number>', 'same seed, same answer')
    .option('--system <text>', 'the system message')
    .addOption(new Option('--raw', 'go on with the text as it is, without a chat').default(false));
  addSteering(command);
  const settingsOf = addApi(command);
  command.action(async (prompt: string | undefined, options: Options) => {
    const settings = settingsOf({ ...options });
    const text = prompt === undefined || prompt === '-' ? await standardInput() : prompt;
    if (text.trim() === '') throw errors.invalidValue('prompt', 'a text', text);
    const asked = bodyOf(text, options);
    const path = options.raw ? '/v1/completions' : '/v1/chat/completions';
    await withApi(
      options,
      settings,
      async (api) => {
        const body = { ...api.named, ...asked };
        if (options.json) sayJson(await api.json(path, { method: 'POST', body }));
        else await stream(api, path, body);
      },
      'model',
    );
  });
}

function bodyOf(text: string, options: Options): object {
  const { maxTokens, temperature, seed, system } = options;
  const items = itemsOf(options);
  const messages = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: text },
  ];
  return {
    ...(options.raw ? { prompt: text } : { messages }),
    ...(items.length > 0 && { steering: items }),
    ...(maxTokens !== undefined && { max_tokens: countOf('--max-tokens', maxTokens) }),
    ...(temperature !== undefined && { temperature: numberOf('--temperature', temperature) }),
    ...(seed !== undefined && { seed: numberOf('--seed', seed) }),
  };
}

interface Chunk {
  readonly choices: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly text?: string;
    readonly finish_reason?: string | null;
  }[];
}

/** Writes the answer as it comes. @returns the whole of it, and why it ended */
export async function answerInto(
  api: Api,
  path: string,
  body: object,
  write: (text: string) => void,
  signal?: AbortSignal,
): Promise<{ text: string; finish: string | null }> {
  let text = '';
  let finish: string | null = null;
  const asked = { method: 'POST', body: { ...body, stream: true }, ...(signal && { signal }) } as const;
  for await (const { choices } of api.events<Chunk>(path, asked)) {
    const [choice] = choices;
    const piece = choice?.delta?.content ?? choice?.text ?? '';
    finish = choice?.finish_reason ?? finish;
    text += piece;
    write(harmless(piece));
  }
  return { text, finish };
}

async function stream(api: Api, path: string, body: object): Promise<void> {
  const words = new WordWriter((piece) => process.stdout.write(piece), lineWidth());
  const { text, finish } = await answerInto(api, path, body, (piece) => words.write(piece)).finally(() =>
    words.end(),
  );
  if (!text.endsWith('\n')) say('');
  if (finish === 'length' && process.stderr.isTTY)
    process.stderr.write('(cut at its most tokens; --max-tokens sets them)\n');
}

async function standardInput(): Promise<string> {
  // Else a terminal would wait without a word.
  if (process.stdin.isTTY) process.stderr.write('type the prompt, then Ctrl-D on a line of its own:\n');
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk;
  return text;
}
