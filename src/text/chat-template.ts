/**
 * A model's chat template: turns messages into the prompt format the model was trained on. Templates are Jinja, with
 * the settings and functions of Hugging Face transformers (`trim_blocks`, `lstrip_blocks`, `raise_exception`,
 * `strftime_now`).
 */
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { errors } from '../errors.js';
import { type ReasoningMarks, reasoningOf, type ToolFormatName, toolFormatOf } from './answer-marks.js';
import { stripFunctions, stripsByArgument } from './jinja-strip.js';
import { isJsonObject, type JsonObject, readJsonObject, readTextFile } from './json-file.js';
import { namedSpecialTokens } from './special-tokens.js';

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  /** Tool calls of an assistant's message, and the call that a tool's message answers; read by templates with tools. */
  readonly tool_calls?: readonly object[];
  readonly tool_call_id?: string;
  /** What an assistant reasoned before; read by templates of models that reason. */
  readonly reasoning_content?: string;
}

export interface ChatTemplate {
  /** Whether the template itself writes `tools` and the messages of tool calls into the prompt. */
  readonly takesTools?: boolean;
  /** How the model writes calls of tools; hermes when left out. */
  readonly toolFormat?: ToolFormatName;
  /** What the model marks its reasoning with; null for one that does not reason. */
  readonly reasoning?: ReasoningMarks | null;
  /** Whether what it writes may depend on the day. */
  readonly readsClock?: boolean;

  /**
   * @param options.addGenerationPrompt whether the prompt ends with the opening of an assistant's message
   * @param options.variables further variables of the template (`enable_thinking`, `tools`, ...)
   * @param options.field the request's field that holds the messages, for errors; `messages` by default
   * @returns text with its special tokens written out: encode it with `addSpecialTokens: false`
   * @throws SteerdError invalid_value when the template refuses the messages, or when a variable has a reserved name
   */
  render(messages: readonly ChatMessage[], options: RenderOptions): string;
}

interface RenderOptions {
  readonly addGenerationPrompt: boolean;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly field?: string;
}

/** How a model marks calls and reasoning, where somebody says so. */
export interface AnswerMarks {
  readonly toolFormat?: ToolFormatName;
  readonly reasoning?: ReasoningMarks | null;
}

/** Variable names that a request may not set: those that `render` sets, and what the Jinja library declares. */
const reservedNames = new Set([
  'messages',
  'add_generation_prompt',
  'raise_exception',
  'strftime_now',
  'range',
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
]);

class JinjaChatTemplate implements ChatTemplate {
  readonly takesTools: boolean;
  readonly toolFormat: ToolFormatName;
  readonly reasoning: ReasoningMarks | null;
  readonly readsClock: boolean;
  readonly #template: Template;
  readonly #defaults: JsonObject;

  constructor(source: string, specialTokens: JsonObject, marks: AnswerMarks) {
    this.#template = stripsByArgument(new Template(source));
    this.takesTools = /\btools\b/.test(source);
    this.toolFormat = marks.toolFormat ?? toolFormatOf(source);
    this.reasoning = marks.reasoning === undefined ? reasoningOf(source) : marks.reasoning;
    this.readsClock = source.includes('strftime_now');
    // transformers always defines these two, and templates compare them with none.
    this.#defaults = { tools: null, documents: null, ...specialTokens };
  }

  render(messages: readonly ChatMessage[], options: RenderOptions): string {
    for (const name of Object.keys(options.variables ?? {})) {
      if (reservedNames.has(name)) {
        throw errors.invalidValue('chat_template_kwargs', 'variables of free names', name);
      }
    }
    try {
      return this.#template.render({
        ...this.#defaults,
        ...options.variables,
        ...stripFunctions,
        messages: messages.map((message) => ({ ...message })),
        add_generation_prompt: options.addGenerationPrompt,
      });
    } catch (error) {
      // The library does not distinguish `raise_exception` in the template from an error while rendering. Both
      // concern the messages, because the template itself was parsed at load.
      const reason = (error as Error).message.slice(0, 500);
      throw errors.invalidValue(
        options.field ?? 'messages',
        `what the model's chat template accepts (it says: ${reason})`,
        `roles ${messages.map((message) => message.role).join(', ')}`,
      );
    }
  }
}

/** `chat_template` of the config: one template, or a list of named ones, of which the one named "default" is taken. */
function configuredTemplate(config: JsonObject): string | null {
  const value = config.chat_template;
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const entry: unknown = value.find((item) => isJsonObject(item) && item.name === 'default');
  return isJsonObject(entry) && typeof entry.template === 'string' ? entry.template : null;
}

/**
 * Reads the template from `chat_template.jinja`, or else from `tokenizer_config.json`.
 * @param marks what is not to be found from the template
 * @returns null when the model has none
 * @throws Error naming the file when the template is not valid Jinja
 */
export async function loadChatTemplate(
  directory: string,
  marks: AnswerMarks = {},
): Promise<ChatTemplate | null> {
  const config = (await readJsonObject(directory, 'tokenizer_config.json')) ?? {};
  const file = await readTextFile(directory, 'chat_template.jinja');
  const source = file ?? configuredTemplate(config);
  if (source === null) return null;
  try {
    return new JinjaChatTemplate(source, namedSpecialTokens(config), marks);
  } catch (error) {
    const name = file === null ? 'tokenizer_config.json' : 'chat_template.jinja';
    throw new Error(
      `the chat template in ${join(directory, name)} is not valid: ${(error as Error).message}`,
    );
  }
}
