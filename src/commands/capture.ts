/** `steerd capture`: the activations of texts or chats as a safetensors file. */
import { basename, dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { decodeSafetensorsHeader } from '../checkpoint/safetensors-layout.js';
import { parseStrictJson } from '../common/canonical-json.js';
import { makeFolderDurably, writeDurably } from '../common/durable-file.js';
import { errors } from '../errors.js';
import { kindOf, plainText, readJsonLines } from '../tables/rows.js';
import { type ApiOptions, addApi, withApi } from './api.js';
import { listed, tellNotes } from './example-file.js';
import { sayJson, sayWrapped } from './output.js';
import { ProgressLine } from './progress-line.js';
import { promptsOf } from './prompt-file.js';
import { readTextFile } from './text-file.js';

interface Options extends ApiOptions {
  readonly texts?: string;
  readonly chats?: string;
  readonly layers?: readonly string[];
  readonly positions?: readonly string[];
  readonly dtype?: string;
  readonly out: string;
}

export function register(program: Command): void {
  const command = program
    .command('capture')
    .description("write a model's activations on texts or chats to a safetensors file")
    .argument('[texts...]', 'what the model reads')
    .option('--texts <file>', 'more of them: one a line, or CSV, JSON lines or JSON with "text"')
    .option('--chats <file>', 'conversations instead: JSON lines or JSON with "messages"')
    .option('--layers <numbers...>', 'layers, from 0 (default: all)')
    .option(
      '--positions <which...>',
      'all, last, template (of chats), or offsets from the end: -1 -2 (default: last)',
    )
    .option('--dtype <name>', 'F32 or F16', 'F32')
    .requiredOption('--out <file>', 'where it goes');
  const settingsOf = addApi(command);
  command.action(async (given: string[], options: Options) => {
    const more =
      options.texts === undefined
        ? []
        : await promptsOf(options.texts, 'texts', ['text', 'prompt', 'content']);
    const texts = [...given, ...more];
    const chats = options.chats === undefined ? [] : await chatsOf(options.chats);
    if (texts.length > 0 === chats.length > 0)
      command.error('error: say what to read: texts, or --chats and a file of them');
    const body = {
      ...(texts.length > 0 ? { input: texts } : { chats }),
      ...(options.layers !== undefined && { layers: options.layers.map(asNumber) }),
      ...(options.positions !== undefined && { positions: positionsOf(options.positions) }),
      dtype: options.dtype,
    };
    const file = resolve(options.out);
    const progress = new ProgressLine();
    const read = () =>
      withApi(
        options,
        settingsOf({ ...options }),
        (api) => {
          const count = texts.length || chats.length;
          progress.update(`reading ${count} ${count === 1 ? 'text' : 'texts'} ...`);
          return api.bytes('/v1/activations', { method: 'POST', body: { ...api.named, ...body } });
        },
        'model',
      );
    const bytes = await read().finally(() => progress.clear());
    await makeFolderDurably(dirname(file));
    await writeDurably(dirname(file), basename(file), bytes);
    const entries = new Map(decodeSafetensorsHeader(bytes).entries);
    const { shape = [] } = (entries.get('activations') ?? {}) as { shape?: number[] };
    if (options.json) sayJson({ file, bytes: bytes.length, shape });
    else
      sayWrapped(`${file}: activations [${shape.join(', ')}] (tokens, layers, width), ${bytes.length} bytes`);
  });
}

/** What is no number goes on as it is: the server names it in its error. */
const asNumber = (text: string) => (/^-?\d+$/.test(text) ? Number(text) : text);

const positionsOf = (said: readonly string[]) => {
  const [first] = said;
  return said.length === 1 && first !== undefined && !/^-?\d+$/.test(first) ? first : said.map(asNumber);
};

async function chatsOf(file: string): Promise<readonly unknown[]> {
  const text = plainText(await readTextFile(file, 'chats'));
  const kind = kindOf(text, parseStrictJson);
  if (kind === 'separated')
    throw errors.invalidRequest(
      `chats must be JSON lines or JSON with "messages"; ${file} is neither.`,
      'chats',
    );
  if (kind === 'jsonl') {
    const { rows, faults, notes } = readJsonLines(text, parseStrictJson);
    if (faults.length > 0)
      throw errors.invalidRequest(`chats must be JSON lines; of ${file}: ${listed(faults)}.`, 'chats');
    tellNotes(file, notes);
    return rows.map(({ value }) => value.messages);
  }
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (error) {
    throw errors.invalidRequest(`chats must be JSON; ${file} is not: ${(error as Error).message}.`, 'chats');
  }
  const list = Array.isArray(value) ? value : [value];
  return list.map((one) => (Array.isArray(one) ? one : (one as { messages?: unknown }).messages));
}
