/** `steerd chat`: a conversation in the terminal, steered as one goes. Lines that come from a pipe are asked in turn. */
import { createInterface } from 'node:readline';
import { type Command, Option } from 'commander';
import { type ApiOptions, addApi, withApi } from './api.js';
import { ChatHistory, mostLines, usualHistoryFile } from './chat-history.js';
import { ChatSession, chatCommands } from './chat-session.js';
import { helpText, painted, say, sayWrapped } from './output.js';
import {
  addSteering,
  countOf,
  itemsOf,
  numberOf,
  type SteeringOptions,
  shownItems,
} from './steering-options.js';

interface Options extends ApiOptions, SteeringOptions {
  readonly compare?: boolean;
  readonly system?: string;
  readonly temperature?: string;
  readonly maxTokens?: string;
  readonly history?: string;
}

export function register(program: Command): void {
  const command: Command = program
    .command('chat')
    .description('talk with the model in the terminal, steered or not')
    .option('--compare', 'show the unsteered answer beside each steered one', false)
    .option('--system <text>', 'the system message')
    .option('--temperature <number>', "0 is greedy (default: the model's own, else 0.7)")
    .option('--max-tokens <number>', 'most tokens of each answer', '200')
    .addOption(
      new Option(
        '--history <file>',
        `where the last ${mostLines} lines that you typed are kept, for you alone; "none" keeps none (STEERD_CHAT_HISTORY; default: ${usualHistoryFile()})`,
      ),
    );
  addSteering(command);
  const settingsOf = addApi(command);
  command.addHelpText('after', helpText(`\nIn the conversation:\n${chatCommands}`));
  command.action(async (options: Options) => {
    const settings = settingsOf({ ...options });
    const items = itemsOf(options);
    const { temperature, maxTokens = '200' } = options;
    const sampling = {
      max_tokens: countOf('--max-tokens', maxTokens),
      ...(temperature !== undefined && { temperature: numberOf('--temperature', temperature) }),
    };
    // Of a person; what a program asks is not kept.
    const typed = await ChatHistory.open(process.stdin.isTTY ? historyFile(options) : 'none');
    await withApi(
      options,
      settings,
      async (api) => {
        const session = new ChatSession(api, {
          typed,
          items,
          system: options.system,
          compare: options.compare === true,
          json: options.json === true,
          sampling,
        });
        await session.begin();
        if (process.stdin.isTTY) {
          sayWrapped(`${api.where ?? settings.model}, ${shownItems(items)}; /help says what else there is`);
        }
        await converse(session, typed, api.signal);
      },
      'model',
    );
  });
}

const historyFile = ({ history }: Options) =>
  history ?? (process.env.STEERD_CHAT_HISTORY?.trim() || usualHistoryFile());

/**
 * Asks for a line and answers it, until /quit, the end of the input or a Ctrl-C at the prompt. A Ctrl-C while an answer
 * is written stops that answer.
 */
async function converse(session: ChatSession, typed: ChatHistory, signal: AbortSignal): Promise<void> {
  const live = process.stdin.isTTY === true;
  let keeps = live;
  const remember = async (line: string) => {
    if (!keeps) return;
    await typed.add(line).catch((error: Error) => {
      keeps = false;
      sayWrapped(`what you type is not kept: ${error.message}`, process.stderr);
    });
  };
  const lines = createInterface({
    input: process.stdin,
    ...(live && {
      output: process.stdout,
      history: [...typed.lines].reverse(),
      historySize: mostLines,
      removeHistoryDuplicates: true,
    }),
    terminal: live,
    prompt: painted('1', '> '),
  });
  // What the arrows bring back; readline gives its own list, to be changed in place.
  let recalled: string[] = [];
  lines.on('history', (own: string[]) => {
    recalled = own;
  });
  let answering: AbortController | null = null;
  const stop = () => {
    if (answering === null) lines.close();
    else answering.abort();
  };
  lines.on('SIGINT', stop);
  signal.addEventListener('abort', () => lines.close(), { once: true });
  if (live) lines.prompt();
  for await (const line of lines) {
    await remember(line);
    answering = new AbortController();
    try {
      const goesOn = await session.take(line.trim(), AbortSignal.any([signal, answering.signal]));
      if (!goesOn) break;
    } catch (error) {
      signal.throwIfAborted();
      if (answering.signal.aborted) say(painted('2', '\n(stopped)'));
      else if (!live) throw error;
      else sayWrapped(error instanceof Error ? error.message : String(error), process.stderr);
    } finally {
      answering = null;
    }
    // After /history clear, the arrows forget too.
    if (keeps && typed.lines.length === 0) recalled.length = 0;
    if (live) lines.prompt();
  }
  lines.close();
  if (live) say('');
}
