/**
 * A model's chat template: messages to the prompt it was trained on. Jinja with the settings of Hugging Face
 * transformers (`trim_blocks`, `lstrip_blocks`, `raise_exception`, `strftime_now`).
 */
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { errors } from '../errors.js';
import { isJsonObject, type JsonObject, readJsonObject, readTextFile } from './json-file.js';
import { namedSpecialTokens } from './special-tokens.js';

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  /** What templates that know tools read. */
  readonly tool_calls?: readonly object[];
  readonly tool_call_id?: string;
}

export interface ChatTemplate {
  /** Whether it writes `tools` and the messages of calls itself. */
  readonly takesTools?: boolean;

  /**
   * @param options.addGenerationPrompt ends the prompt where the assistant's answer begins.
   * @param options.variables more of the template's variables (`enable_thinking`, `tools`, ...).
   * @returns text with its special tokens written out: encode it with `addSpecialTokens: false`.
   * @throws SteerdError invalid_value when the template refuses the messages, or a variable has a name that
   *   the template language or this function gives itself.
   */
  render(
    messages: readonly ChatMessage[],
    options: { addGenerationPrompt: boolean; variables?: Readonly<Record<string, unknown>> },
  ): string;
}

/** Names that a request may not give: the arguments of `render` and what the Jinja library declares. */
const takenNames = new Set([
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
  readonly #template: Template;
  readonly #defaults: JsonObject;

  constructor(source: string, specialTokens: JsonObject) {
    this.#template = new Template(source);
    this.takesTools = /\btools\b/.test(source);
    // transformers always defines these two: templates compare them with none.
    this.#defaults = { tools: null, documents: null, ...specialTokens };
  }

  render(
    messages: readonly ChatMessage[],
    options: { addGenerationPrompt: boolean; variables?: Readonly<Record<string, unknown>> },
  ): string {
    for (const name of Object.keys(options.variables ?? {})) {
      if (takenNames.has(name)) {
        throw errors.invalidValue('chat_template_kwargs', 'variables of free names', name);
      }
    }
    try {
      return this.#template.render({
        ...this.#defaults,
        ...options.variables,
        messages: messages.map((message) => ({ ...message })),
        add_generation_prompt: options.addGenerationPrompt,
      });
    } catch (error) {
      // The library does not tell a template's own refusal from a message it cannot handle; both are about
      // the messages, since the template itself was parsed at load.
      const reason = (error as Error).message.slice(0, 500);
      throw errors.invalidValue(
        'messages',
        `what the model's chat template accepts (it says: ${reason})`,
        `roles ${messages.map((message) => message.role).join(', ')}`,
      );
    }
  }
}

/** `chat_template` of the config: one template, or a list of named ones of which we take "default". */
function configuredTemplate(config: JsonObject): string | null {
  const value = config.chat_template;
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return null;
  const entry: unknown = value.find((item) => isJsonObject(item) && item.name === 'default');
  return isJsonObject(entry) && typeof entry.template === 'string' ? entry.template : null;
}

/**
 * From `chat_template.jinja`, else `tokenizer_config.json`; null when the model has none.
 * @throws Error naming the directory when the template is not valid Jinja.
 */
export async function loadChatTemplate(directory: string): Promise<ChatTemplate | null> {
  const config = (await readJsonObject(directory, 'tokenizer_config.json')) ?? {};
  const file = await readTextFile(directory, 'chat_template.jinja');
  const source = file ?? configuredTemplate(config);
  if (source === null) return null;
  try {
    return new JinjaChatTemplate(source, namedSpecialTokens(config));
  } catch (error) {
    const name = file === null ? 'tokenizer_config.json' : 'chat_template.jinja';
    throw new Error(
      `the chat template in ${join(directory, name)} is not valid: ${(error as Error).message}`,
    );
  }
}
