/** How calls and reasoning are marked is found from the template, and marks that are special tokens stay in the text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasoningOf, type ToolFormatName, toolFormatOf } from '../../src/text/answer-marks.js';
import { IncrementalDetokenizer } from '../../src/text/detokenizer.js';
import { keepMarks } from '../../src/text/kept-tokens.js';
import { grammarVocabulary } from '../../src/text/token-bytes.js';
import type { Tokenizer } from '../../src/text/tokenizer.js';

/** What the templates of each family have about calls, and nothing else of them. */
const templates: Readonly<Record<string, ToolFormatName>> = {
  '{% for m in messages %}{{ m.content }}{% endfor %}': 'hermes',
  '{{- \'<tool_call>\\n{"name": "\' }}{{- tool_call.name }}': 'hermes',
  '<tool_call>[\\n{"name": "a", "arguments": {}}]</tool_call>': 'smollm',
  '"<tool_call>[" + (tool_call | tojson)': 'smollm',
  '{"name": function name, "parameters": dictionary of argument name and its value}': 'llama3',
  '{{- "<|python_tag|>" + tool_call.name + ".call(" }}': 'llama3',
  '{{- "[TOOL_CALLS] [" }}': 'mistral',
  "{{ '[TOOL_CALLS]' + name + '[ARGS]' + arguments }}": 'mistral_args',
  "{{ '<|tool|>' + tools + '<|/tool|>' }}{# <|tool_call|> #}": 'phi',
  '<start_function_call>call:': 'gemma',
  "{{ '<|tool_call>call:' + name }}": 'gemma',
  "{{ '<|tool_call_start|>[' + name + '(' }}": 'pythonic',
  'List of tools: <|tool_list_start|>[': 'pythonic',
  'in the format of [func_name1(params_name1=params_value1), func_name2(params)]': 'pythonic',
  '<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>': 'xml',
  '<tool_call>{function-name}\n<arg_key>{arg-key-1}</arg_key>': 'xml',
  "{{ '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>' + name }}": 'deepseek',
};

test('the form of calls is found from the template', () => {
  for (const [template, format] of Object.entries(templates))
    assert.equal(toolFormatOf(template), format, template);
});

test('a template that marks reasoning says that the model reasons', () => {
  assert.equal(reasoningOf('{{ content }}'), null);
  assert.equal(reasoningOf("{{ '<think>\\n' }}")?.close, '</think>');
  assert.equal(reasoningOf("{{ content.split('</think>')[-1] }}")?.open, '<think>');
  assert.equal(reasoningOf('[THINK]{{ x }}[/THINK]')?.open, '[THINK]');
});

/** Ids are characters, but for 5, which is a mark, and 6, which ends answers. */
const special = new Map([
  [5, '[TOOL_CALLS]'],
  [6, '</s>'],
]);
const textOf = (id: number) => special.get(id) ?? String.fromCharCode(id);
const tokenizer: Tokenizer = {
  vocabularySize: 128,
  encode: (text) => [...text].map((character) => character.charCodeAt(0)),
  decode: (ids, { skipSpecialTokens = true } = {}) =>
    ids.map((id) => (skipSpecialTokens && special.has(id) ? '' : textOf(id))).join(''),
  tokenId: (token) => [...special].find(([, text]) => text === token)?.[0],
  isSpecial: (id) => special.has(id),
  bytes: (id) => new TextEncoder().encode(textOf(id)),
};

test('a mark that is a special token is text where answers are read by it, other special tokens are not', () => {
  const written = (one: Tokenizer) => {
    const detokenizer = new IncrementalDetokenizer(one);
    return [72, 105, 5, 91, 93, 6].map((id) => detokenizer.push(id)).join('') + detokenizer.flush();
  };
  assert.equal(written(tokenizer), 'Hi[]');
  assert.equal(written(keepMarks(tokenizer)), 'Hi[TOOL_CALLS][]');
  const { tokens } = grammarVocabulary(keepMarks(tokenizer), [6]);
  assert.deepEqual([tokens[5], tokens[6]], ['[TOOL_CALLS]', '']);
});
