/**
 * Tools of a chat: how the model is told of them, what its answer may be, and what is read from it. A call is written
 * as in Hermes and Qwen:
 *
 *     <tool_call>
 *     {"name": "f", "arguments": {...}}
 *     </tool_call>
 *
 * The constraint holds every call to exactly that, so that it can be read as it comes.
 */
import { newId } from '../common/stamps.js';
import { errors } from '../errors.js';
import type { Tool, ToolCallDelta, ToolChoice } from '../schemas/tools.js';
import { type Constraint, jsonGrammar, structuralTag } from './constraint.js';

const opening = '<tool_call>\n{"name": "';
const middle = '", "arguments": ';
const closing = '}\n</tool_call>';

interface ToolOptions {
  readonly tools?: readonly Tool[] | null | undefined;
  readonly tool_choice?: ToolChoice | null | undefined;
  readonly parallel_tool_calls?: boolean | null | undefined;
}

/** How an endpoint calls the fields of its tools, for errors. */
interface ToolFieldNames {
  readonly parameters: (index: number) => string;
  readonly chosenName: string;
}

/** As OpenAI's chat completions nest them. */
const chatFieldNames: ToolFieldNames = {
  parameters: (index) => `tools.${index}.function.parameters`,
  chosenName: 'tool_choice.function.name',
};

/**
 * The tools that the answer may call (none with tool_choice "none"), and what holds its calls to their parameters.
 * @throws SteerdError constraint_refused for parameters that cannot be held to; invalid_value
 */
export function askedTools(
  options: ToolOptions,
  names = chatFieldNames,
): { readonly tools: readonly Tool[]; readonly constraint: Constraint | null } {
  const tools = callableTools(options, names);
  return { tools, constraint: tools.length === 0 ? null : toolConstraint(tools, options, names) };
}

function callableTools({ tools, tool_choice }: ToolOptions, { chosenName }: ToolFieldNames): readonly Tool[] {
  const listed = tools ?? [];
  const names = listed.map((tool) => tool.function.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw errors.invalidRequest(`tools must have names of their own; "${twice}" comes twice.`, 'tools');
  const choice = tool_choice ?? (listed.length > 0 ? 'auto' : 'none');
  if (choice === 'none') return [];
  if (listed.length === 0) {
    if (choice === 'auto') return [];
    throw errors.invalidRequest('tool_choice must be left out without tools.', 'tool_choice');
  }
  if (typeof choice === 'string') return listed;
  const named = listed.filter((tool) => tool.function.name === choice.function.name);
  if (named.length === 0) {
    throw errors.invalidValue(chosenName, `one of ${names.join(', ')}`, choice.function.name);
  }
  return named;
}

function toolConstraint(
  callable: readonly Tool[],
  { tool_choice, parallel_tool_calls }: ToolOptions,
  { parameters: field }: ToolFieldNames,
): Constraint {
  const tags = callable.map((tool, i) => {
    const { name, parameters } = tool.function;
    const schema = parameters ?? { type: 'object', properties: {}, additionalProperties: false };
    return {
      type: 'tag',
      begin: opening + name + middle,
      content: { type: 'grammar', grammar: jsonGrammar(schema, field(i)) },
      end: closing,
    };
  });
  const choice = tool_choice ?? 'auto';
  const stop_after_first = typeof choice === 'object' || parallel_tool_calls === false;
  const source = structuralTag(
    choice === 'auto'
      ? { type: 'triggered_tags', triggers: ['<tool_call>'], tags, stop_after_first }
      : { type: 'tags_with_separator', tags, separator: '\n', at_least_one: true, stop_after_first },
  );
  return { kind: 'tools', source, field: 'tools', callMarks: { open: '<tool_call>', close: '</tool_call>' } };
}

/** What a model whose template knows no tools is told at the end of its system message. */
export function toolInstructions(tools: readonly Tool[]): string {
  const described = tools.map(({ function: { name, description, parameters } }) =>
    JSON.stringify({ name, ...(description ? { description } : {}), parameters: parameters ?? {} }),
  );
  return [
    'You can call these functions:',
    ...described,
    'To call one, write only this, with its name and its arguments as JSON:',
    `${opening}NAME${middle}ARGUMENTS${closing}`,
  ].join('\n');
}

/** A call in that format, for earlier messages of the conversation. */
export const callText = (name: string, args: string): string => opening + name + middle + args + closing;

/** Incremental parser of an answer: text, and calls as deltas. */
export class ToolCallReader {
  #rest = '';
  #inside: 'text' | 'name' | 'arguments' = 'text';
  #calls = 0;
  /** Nothing but white space came since the last call. */
  #afterCall = false;

  get calls(): number {
    return this.#calls;
  }

  /** What the new text adds for certain; with `last`, also what was held back. */
  push(text: string, last: boolean): { readonly text: string; readonly calls: readonly ToolCallDelta[] } {
    const parts = this.read(text, last);
    return {
      text: parts.filter((part) => typeof part === 'string').join(''),
      calls: parts.filter((part) => typeof part !== 'string'),
    };
  }

  /** The same as a list in the order of the text. */
  read(text: string, last: boolean): (string | ToolCallDelta)[] {
    this.#rest += text;
    const parts: (string | ToolCallDelta)[] = [];
    for (;;) {
      const marker = this.#inside === 'text' ? opening : this.#inside === 'name' ? middle : closing;
      const at = this.#rest.indexOf(marker);
      const end = at >= 0 ? at : last ? this.#rest.length : this.#rest.length - heldBack(this.#rest, marker);
      const part = this.#rest.slice(0, end);
      if (this.#inside === 'text') {
        // White space between calls is not content.
        const said = this.#afterCall ? part.trimStart() : part;
        if (said !== '') parts.push(said);
        this.#afterCall &&= said === '';
      } else if (this.#inside === 'name') {
        if (at < 0) break;
        const id = newId('call', '_');
        parts.push({ index: this.#calls++, id, type: 'function', function: { name: part, arguments: '' } });
      } else if (part !== '') parts.push({ index: this.#calls - 1, function: { arguments: part } });
      this.#rest = this.#rest.slice(at >= 0 ? at + marker.length : end);
      if (at < 0) break;
      this.#afterCall ||= this.#inside === 'arguments';
      this.#inside = this.#inside === 'text' ? 'name' : this.#inside === 'name' ? 'arguments' : 'text';
    }
    return parts;
  }
}

/** Length of the longest end of `text` that begins `marker`. */
function heldBack(text: string, marker: string): number {
  for (let length = Math.min(text.length, marker.length - 1); length > 0; length--)
    if (marker.startsWith(text.slice(-length))) return length;
  return 0;
}
