/** The forms of tool calls: the marks around them, and how a call is written, in grammars and in earlier messages. */
import type { ToolFormatName } from '../text/answer-marks.js';

export interface ToolFormat {
  readonly name: ToolFormatName;
  /** Marks that a block of calls may begin with, the one to write first; none for a form of bare JSON. */
  readonly openings: readonly string[];
  /** Marks that end a block. */
  readonly closings: readonly string[];
  /** Around a block as it is written. */
  readonly before: string;
  readonly after: string;
  /** Whether one block has a list of calls; else each call has its own. */
  readonly list: boolean;
  /** Between blocks, or between the calls of a list. */
  readonly between: string;
  /** The key of a call's arguments. */
  readonly argumentsKey: 'arguments' | 'parameters';
}

const hermes: ToolFormat = {
  name: 'hermes',
  openings: ['<tool_call>'],
  closings: ['</tool_call>'],
  before: '<tool_call>\n',
  after: '\n</tool_call>',
  list: false,
  between: '\n',
  argumentsKey: 'arguments',
};

export const toolFormat: Readonly<Record<ToolFormatName, ToolFormat>> = {
  hermes,
  smollm: {
    ...hermes,
    name: 'smollm',
    before: '<tool_call>[',
    after: ']</tool_call>',
    list: true,
    between: ', ',
  },
  llama3: {
    name: 'llama3',
    openings: ['<|python_tag|>'],
    closings: [],
    before: '',
    after: '',
    list: false,
    between: '; ',
    argumentsKey: 'parameters',
  },
  mistral: {
    name: 'mistral',
    openings: ['[TOOL_CALLS]'],
    closings: [],
    before: '[TOOL_CALLS][',
    after: ']',
    list: true,
    between: ', ',
    argumentsKey: 'arguments',
  },
  phi: {
    name: 'phi',
    openings: ['<|tool_call|>', 'functools['],
    closings: ['<|/tool_call|>'],
    before: '<|tool_call|>[',
    after: ']<|/tool_call|>',
    list: true,
    between: ', ',
    argumentsKey: 'arguments',
  },
  // Its own syntax is no JSON: it is read, but what has to be held to a schema is written as Hermes does.
  gemma: {
    ...hermes,
    name: 'gemma',
    openings: ['<start_function_call>', '<|tool_call>', ...hermes.openings],
    closings: ['<end_function_call>', '<tool_call|>', ...hermes.closings],
  },
};

/** A call up to its arguments, which `}` follows. */
export const callHead = ({ argumentsKey }: ToolFormat, name: string): string =>
  `{"name": ${JSON.stringify(name)}, "${argumentsKey}": `;

/** Calls as the model itself would have written them. */
export function callsText(
  format: ToolFormat,
  calls: readonly { readonly name: string; readonly args: string }[],
): string {
  if (calls.length === 0) return '';
  const { before, after, between } = format;
  const texts = calls.map(({ name, args }) => `${callHead(format, name)}${args}}`);
  return format.list
    ? before + texts.join(between) + after
    : texts.map((text) => before + text + after).join(between);
}
