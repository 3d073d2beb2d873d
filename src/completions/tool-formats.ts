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
  /** How a call is written, the one to write first. */
  readonly calls: readonly [CallForm, ...CallForm[]];
  /**
   * Whether the model's own syntax is none that calls are held to: they are read as they come, and one that must be held to
   * a schema is written in the form given here.
   */
  readonly free?: boolean;
}

/** What stands before a call's arguments, which are JSON, and after them. */
export interface CallForm {
  readonly before: (name: string) => string;
  readonly after: string;
}

const jsonCall = (argumentsKey: 'arguments' | 'parameters'): CallForm => ({
  before: (name) => `{"name": ${JSON.stringify(name)}, "${argumentsKey}": `,
  after: '}',
});

const hermes: ToolFormat = {
  name: 'hermes',
  openings: ['<tool_call>'],
  closings: ['</tool_call>'],
  before: '<tool_call>\n',
  after: '\n</tool_call>',
  list: false,
  between: '\n',
  calls: [jsonCall('arguments')],
};

const llama3: ToolFormat = {
  name: 'llama3',
  openings: ['<|python_tag|>'],
  closings: [],
  before: '',
  after: '',
  list: false,
  between: '; ',
  calls: [jsonCall('parameters')],
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
  llama3,
  mistral: {
    name: 'mistral',
    openings: ['[TOOL_CALLS]'],
    closings: [],
    before: '[TOOL_CALLS][',
    after: ']',
    list: true,
    between: ', ',
    calls: [jsonCall('arguments')],
  },
  mistral_args: {
    name: 'mistral_args',
    openings: ['[TOOL_CALLS]'],
    closings: [],
    before: '[TOOL_CALLS]',
    after: '',
    list: false,
    between: '',
    calls: [{ before: (name) => `${name}[ARGS]`, after: '' }],
  },
  phi: {
    name: 'phi',
    openings: ['<|tool_call|>', 'functools['],
    closings: ['<|/tool_call|>'],
    before: '<|tool_call|>[',
    after: ']<|/tool_call|>',
    list: true,
    between: ', ',
    calls: [jsonCall('arguments')],
  },
  // Its own syntax, and those after it, are no JSON: they are read, but what has to be held to a schema is written as others do.
  gemma: {
    ...hermes,
    name: 'gemma',
    openings: ['<start_function_call>', '<|tool_call>', ...hermes.openings],
    closings: ['<end_function_call>', '<tool_call|>', ...hermes.closings],
  },
  pythonic: {
    ...llama3,
    name: 'pythonic',
    openings: ['<|tool_call_start|>', '<|python_start|>', ...llama3.openings],
    closings: ['<|tool_call_end|>', '<|python_end|>'],
  },
  xml: {
    ...hermes,
    name: 'xml',
    openings: [...hermes.openings, '<seed:tool_call>'],
    closings: [...hermes.closings, '</seed:tool_call>'],
    free: true,
  },
  deepseek: {
    name: 'deepseek',
    openings: ['<｜tool▁calls▁begin｜>', '<｜tool▁call▁begin｜>'],
    closings: ['<｜tool▁calls▁end｜>', '<｜tool▁call▁end｜>'],
    before: '<｜tool▁calls▁begin｜>',
    after: '<｜tool▁calls▁end｜>',
    list: true,
    between: '\n',
    calls: [
      { before: (name) => `<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>`, after: '<｜tool▁call▁end｜>' },
      {
        before: (name) => `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n`,
        after: '\n```<｜tool▁call▁end｜>',
      },
    ],
  },
};

/** Calls as the model itself would have written them. */
export function callsText(
  format: ToolFormat,
  calls: readonly { readonly name: string; readonly args: string }[],
): string {
  if (calls.length === 0) return '';
  const {
    before,
    after,
    between,
    calls: [form],
  } = format;
  const texts = calls.map(({ name, args }) => form.before(name) + args + form.after);
  return format.list
    ? before + texts.join(between) + after
    : texts.map((text) => before + text + after).join(between);
}
