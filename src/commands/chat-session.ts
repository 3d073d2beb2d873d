/** One conversation of `steerd chat`: its messages, what steers it, and the commands that begin with a slash. */
import type { ConceptList } from '../schemas/concepts.js';
import { answersOf } from './answers.js';
import { type Api, ApiError } from './api.js';
import type { ChatHistory } from './chat-history.js';
import { sideBySide, wrap } from './columns.js';
import { answerInto } from './complete.js';
import { lineWidth, painted, say, sayWrapped, terminalWidth, WordWriter } from './output.js';
import { ProgressLine } from './progress-line.js';
import { type Item, itemsOf, numberOf, shownItems } from './steering-options.js';

export const chatCommands = `  /concept NAMES     steer by pirate, pirate:0.8, pirate:0.8+sad:-0.5; none: nothing
  /strength NUMBER   of all concepts: 1 as measured, 0 off, below 0 away from it
  /compare           the unsteered answer beside the steered one, or no longer
  /concepts          what there is to steer by
  /history           what was said so far
  /history all       what you typed, in earlier conversations too
  /history clear     forget what you typed
  /system TEXT       the system message; begins anew
  /reset             begin anew
  /quit              leave, as Ctrl-D does; Ctrl-C stops an answer`;

interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

interface SessionOptions {
  readonly typed: ChatHistory;
  readonly items: readonly Item[];
  readonly system: string | undefined;
  readonly compare: boolean;
  /** A line of JSON for each answer. */
  readonly json: boolean;
  /** More fields of each request. */
  readonly sampling: object;
}

const path = '/v1/chat/completions';

export class ChatSession {
  #messages: Message[];
  #items: readonly Item[];
  #compare: boolean;

  constructor(
    private readonly api: Api,
    private readonly options: SessionOptions,
  ) {
    this.#items = options.items;
    this.#compare = options.compare;
    this.#messages = begun(options.system);
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  /**
   * A line of the person: a command, or something to answer. What fails leaves the conversation as it was.
   * @returns whether it goes on
   */
  async take(line: string, signal: AbortSignal): Promise<boolean> {
    if (line === '') return true;
    if (!line.startsWith('/')) {
      await this.#answer(line, signal);
      return true;
    }
    const [, name = '', rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(line) ?? [];
    if (name === 'quit' || name === 'exit' || name === 'q') return false;
    await this.#command(name, rest.trim());
    return true;
  }

  async #command(name: string, rest: string): Promise<void> {
    switch (name) {
      case 'help':
      case '?':
        if (this.options.json) this.#note(chatCommands);
        else for (const line of chatCommands.split('\n')) sayHelp(line);
        return;
      case 'concept':
        await this.#steerBy(itemsOf({ concept: rest }));
        return;
      case 'strength': {
        const strength = numberOf('/strength', rest);
        await this.#steerBy(this.#items.map(({ concept }) => ({ concept, strength })));
        return;
      }
      case 'compare':
        this.#compare = !this.#compare;
        this.#note(this.#compare ? 'unsteered answers stand beside' : 'steered answers only', '2');
        return;
      case 'concepts': {
        const of = { model: await this.api.model() };
        const { data, has_more } = await this.api.json<ConceptList>(this.api.concepts('', of));
        this.#note(`${data.map((one) => one.name).join('  ')}${has_more ? '  ...' : ''}`);
        return;
      }
      case 'history':
        await this.#history(rest);
        return;
      case 'system':
      case 'reset':
        this.#messages = begun(name === 'system' ? rest : this.options.system);
        this.#note('a new conversation', '2');
        return;
      default:
        throw new ApiError(`there is no /${name}; /help lists what there is`, 2);
    }
  }

  async #history(which: string): Promise<void> {
    const { typed } = this.options;
    if (which === 'clear') {
      await typed.clear();
      this.#note('forgotten', '2');
    } else if (which === 'all') for (const line of typed.lines) this.#note(line);
    else if (which !== '') throw new ApiError('/history goes alone, or with all or clear', 2);
    else
      for (const { role, content } of this.#messages) {
        this.#note(role, '1');
        this.#note(content);
      }
  }

  /** @throws ApiError for a concept that it begins with and that is not there */
  begin(): Promise<void> {
    return this.#find(this.#items);
  }

  async #find(items: readonly Item[]): Promise<void> {
    for (const { concept } of items)
      await this.api.json(this.api.concepts(`/${encodeURIComponent(concept)}`));
  }

  /** @throws ApiError for a concept that is not there, before anything changes */
  async #steerBy(items: readonly Item[]): Promise<void> {
    await this.#find(items);
    this.#items = items;
    this.#note(shownItems(items), '2');
  }

  /** What is no answer: beside the answers where a program reads them. @param code paints it */
  #note(text: string, code: string | null = null): void {
    sayWrapped(text, this.options.json ? process.stderr : process.stdout, code);
  }

  async #answer(content: string, signal: AbortSignal): Promise<void> {
    const messages: Message[] = [...this.#messages, { role: 'user', content }];
    const steering = this.#items.length > 0 ? { steering: this.#items } : {};
    const text =
      this.#compare && this.#items.length > 0
        ? await this.#sideBySide(messages, signal)
        : await this.#stream({ ...this.api.named, ...this.options.sampling, messages, ...steering }, signal);
    this.#messages = [...messages, { role: 'assistant', content: text }];
    if (this.options.json) say(JSON.stringify({ messages: this.#messages, steering: this.#items }));
  }

  async #stream(body: object, signal: AbortSignal): Promise<string> {
    const { json } = this.options;
    const words = new WordWriter((piece) => process.stdout.write(piece), lineWidth());
    const write = json ? () => {} : (piece: string) => words.write(piece);
    const { text, finish } = await answerInto(this.api, path, body, write, signal).finally(() => words.end());
    if (!json) say(finish === 'length' ? painted('2', ' ...') : '');
    return text;
  }

  /** Both answers from one request and one seed; the conversation goes on with the steered one. */
  async #sideBySide(messages: readonly Message[], signal: AbortSignal): Promise<string> {
    const { sampling } = this.options;
    const body = { ...this.api.named, ...sampling, messages, steering: { choices: [null, this.#items] } };
    const progress = new ProgressLine();
    const show = (tokens: number) => progress.update('writing both answers ...', `${tokens} tokens`);
    show(0);
    const { texts } = await answersOf(this.api, body, 2, ({ tokens }) => show(tokens), signal).finally(() =>
      progress.clear(),
    );
    const [plain = '', steered = ''] = texts;
    if (!this.options.json) {
      const cell = (title: string, text: string, code: string) => ({
        title,
        text,
        paintTitle: (line: string) => painted(`1;${code}`, line),
        paintText: (line: string) => line,
      });
      const both = [cell('unsteered', plain, '37'), cell(shownItems(this.#items), steered, '36')] as const;
      say(sideBySide(...both, Math.min(150, terminalWidth())).join('\n'));
    }
    return steered;
  }
}

const begun = (system: string | undefined): Message[] =>
  system === undefined || system === '' ? [] : [{ role: 'system', content: system }];

/** A command and what it does, on one line or under each other. */
function sayHelp(line: string): void {
  if (line.length <= terminalWidth()) {
    say(line);
    return;
  }
  const [command = '', meaning = ''] = line.split(/(?<=\S) {2,}/);
  say(command);
  for (const part of wrap(meaning, terminalWidth() - 6)) say(`      ${part}`);
}
