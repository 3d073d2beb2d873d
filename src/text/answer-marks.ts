/**
 * How a model marks what is no plain text in its answers: calls of tools and reasoning. Found from its chat template,
 * which has the marks for the turns before; `steerd.json` may say otherwise.
 */

/**
 * Forms of tool calls, by who writes so:
 * - hermes: Hermes, Qwen: `<tool_call>{"name": "f", "arguments": {}}</tool_call>`, a block each; ours where a template
 *   knows no tools
 * - smollm: SmolLM2: a list in one such block
 * - llama3: Llama 3.1 and later: `{"name": "f", "parameters": {}}`, perhaps after `<|python_tag|>`
 * - mistral: Mistral, Mixtral: `[TOOL_CALLS][{"name": "f", "arguments": {}}]`
 * - mistral_args: Mistral Small 3.2, Devstral, Magistral and later: `[TOOL_CALLS]f[ARGS]{}`, a mark each
 * - phi: Phi-4: `<|tool_call|>[{"name": "f", "arguments": {}}]<|/tool_call|>`, or after `functools`
 * - gemma: FunctionGemma, Gemma 4: `<start_function_call>call:f{key:value}<end_function_call>`
 * - pythonic: Llama 3.2 and 4, LFM2: `[f(key="value")]`, perhaps between marks
 * - xml: Qwen3-Coder, Qwen3.5, Nemotron: `<function=f><parameter=key>value</parameter></function>` in a block of Hermes;
 *   GLM: `f<arg_key>key</arg_key><arg_value>value</arg_value>` there
 * - deepseek: DeepSeek-R1 and V3: a name and JSON between marks of their own
 */
export const toolFormats = [
  'hermes',
  'smollm',
  'llama3',
  'mistral',
  'mistral_args',
  'phi',
  'gemma',
  'pythonic',
  'xml',
  'deepseek',
] as const;
export type ToolFormatName = (typeof toolFormats)[number];

/** Before and after the reasoning. */
export interface ReasoningMarks {
  readonly open: string;
  readonly close: string;
}

/** Marks around the reasoning of models that reason. */
export const reasoningMarks: readonly ReasoningMarks[] = [
  { open: '<think>', close: '</think>' },
  { open: '[THINK]', close: '[/THINK]' },
  { open: '<seed:think>', close: '</seed:think>' },
];

/** @param template source of a chat template */
export function toolFormatOf(template: string): ToolFormatName {
  if (/<start_function_call>|<\|tool_call>call:/.test(template)) return 'gemma';
  if (template.includes('[TOOL_CALLS]')) return template.includes('[ARGS]') ? 'mistral_args' : 'mistral';
  if (template.includes('<｜tool▁calls▁begin｜>')) return 'deepseek';
  if (/<parameter=|<arg_key>/.test(template)) return 'xml';
  if (/<\|tool_call_start\|>|<\|tool_list_start\|>|<\|python_start\|>|\[\s*func_name1\(/.test(template))
    return 'pythonic';
  if (template.includes('<|tool_call|>') || /\bfunctools\b/.test(template)) return 'phi';
  if (/<tool_call>\s*(?:\\n)*\s*\[/.test(template)) return 'smollm';
  if (template.includes('<tool_call>')) return 'hermes';
  if (template.includes('<|python_tag|>') || /\\?"parameters\\?": dictionary of argument name/.test(template))
    return 'llama3';
  return 'hermes';
}

/**
 * The marks that the template has around reasoning; null for a model that does not reason. A template that only removes
 * what stands before the closing mark has no opening one to find, and means the same.
 */
export const reasoningOf = (template: string): ReasoningMarks | null =>
  reasoningMarks.find(({ open, close }) => template.includes(close) || template.includes(open)) ?? null;

/** Every mark of an answer that may be a special token, which text otherwise leaves out. */
export const answerMarks: readonly string[] = [
  ...'<tool_call> </tool_call> <seed:tool_call> </seed:tool_call> <|python_tag|> <|python_start|> <|python_end|> <|tool_call_start|> <|tool_call_end|> [TOOL_CALLS] [ARGS] [CALL_ID] <|tool_call|> <|/tool_call|> <start_function_call> <end_function_call> <escape> <|tool_call> <tool_call|> <|"|> <｜tool▁calls▁begin｜> <｜tool▁call▁begin｜> <｜tool▁sep｜> <｜tool▁call▁end｜> <｜tool▁calls▁end｜>'.split(
    ' ',
  ),
  ...reasoningMarks.flatMap(({ open, close }) => [open, close]),
];
