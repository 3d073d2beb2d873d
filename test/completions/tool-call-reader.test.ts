/** Calls are read alike however their text comes, and no mark of one is ever text. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type CallPart, ToolCallReader } from '../../src/completions/tool-call-reader.js';
import { toolFormat } from '../../src/completions/tool-formats.js';
import type { FinishReason } from '../../src/engine/protocol.js';
import type { ToolFormatName } from '../../src/text/answer-marks.js';

const names = ['weather', 'news', 'a.b'];
const city = '{"city": "a } \\" b", "n": [1, {"x": 2}]}';

interface Row {
  readonly text: string;
  readonly said: string;
  readonly calls: readonly (readonly [string, string])[];
}

/** Answers as models of each form write them, taken from their templates' examples and from what vendors document. */
const answers: Readonly<Record<ToolFormatName, readonly Row[]>> = {
  hermes: [
    {
      text: `<tool_call>\n{"name": "weather", "arguments": ${city}}\n</tool_call>`,
      said: '',
      calls: [['weather', city]],
    },
    {
      text: `Let me see. <tool_call>\n{"arguments": ${city}, "name": "weather"}\n</tool_call>\n<tool_call>{"name":"news","arguments":{}}</tool_call> Done.`,
      said: 'Let me see. Done.',
      calls: [
        ['weather', city],
        ['news', '{}'],
      ],
    },
    { text: `{"name": "a.b", "arguments": ${city}}`, said: '', calls: [['a.b', city]] },
    { text: `\`\`\`json\n{"name": "news", "parameters": {}}\n\`\`\``, said: '', calls: [['news', '{}']] },
    {
      text: `[{"name": "news", "arguments": {}}, {"name": "weather", "arguments": ${city}}]`,
      said: '',
      calls: [
        ['news', '{}'],
        ['weather', city],
      ],
    },
    { text: '{"name": "news"}', said: '{"name": "news"}', calls: [] },
    { text: '<tool_call>{"name": "news"}</tool_call>', said: '', calls: [['news', '{}']] },
    { text: '{"name": "Ann", "age": 3}', said: '{"name": "Ann", "age": 3}', calls: [] },
    { text: '{"answer": "x < y <tool"}', said: '{"answer": "x < y <tool"}', calls: [] },
    {
      text: 'a < b, and {"name": "news", "arguments": {}}',
      said: 'a < b, and {"name": "news", "arguments": {}}',
      calls: [],
    },
    {
      text: '<tool_call>\n{"name": "weather", "arguments": "{\\"city\\": 1}"}\n</tool_call>',
      said: '',
      calls: [['weather', '{"city": 1}']],
    },
    {
      text: '<tool_call>\n{"type": "function", "function": {"name": "news", "arguments": {}}}\n</tool_call>',
      said: '',
      calls: [['news', '{}']],
    },
  ],
  smollm: [
    {
      text: `<tool_call>[{"name": "weather", "arguments": ${city}}, {"name": "news", "arguments": {}}]</tool_call>`,
      said: '',
      calls: [
        ['weather', city],
        ['news', '{}'],
      ],
    },
  ],
  llama3: [
    { text: `{"name": "weather", "parameters": ${city}}`, said: '', calls: [['weather', city]] },
    {
      text: `<|python_tag|>{"name": "weather", "parameters": ${city}}; {"name": "news", "parameters": {}}`,
      said: '',
      calls: [
        ['weather', city],
        ['news', '{}'],
      ],
    },
    {
      text: `{"type": "function", "name": "weather", "parameters": ${city}}`,
      said: '',
      calls: [['weather', city]],
    },
    { text: 'It is sunny.', said: 'It is sunny.', calls: [] },
  ],
  mistral: [
    {
      text: `[TOOL_CALLS][{"name": "weather", "arguments": ${city}}, {"name": "news", "arguments": {}}]`,
      said: '',
      calls: [
        ['weather', city],
        ['news', '{}'],
      ],
    },
    {
      text: `[TOOL_CALLS] [{"name": "weather", "arguments": ${city}, "id": "abc123XYZ"}]`,
      said: '',
      calls: [['weather', city]],
    },
    {
      text: `[TOOL_CALLS]weather[ARGS]${city}[TOOL_CALLS]news[CALL_ID]123456789[ARGS]{}`,
      said: '',
      calls: [
        ['weather', city],
        ['news', '{}'],
      ],
    },
    { text: `Well, [TOOL_CALLS]weather${city}`, said: 'Well, ', calls: [['weather', city]] },
  ],
  phi: [
    {
      text: `<|tool_call|>[{"name": "weather", "arguments": ${city}}]<|/tool_call|>`,
      said: '',
      calls: [['weather', city]],
    },
    { text: `functools[{"name": "weather", "arguments": ${city}}]`, said: '', calls: [['weather', city]] },
  ],
  gemma: [
    {
      text: '<start_function_call>call:weather{city:<escape>a } b<escape>,n:[1,true],deep:{x:-2.5}}<end_function_call>',
      said: '',
      calls: [['weather', '{"city":"a } b","n":[1,true],"deep":{"x":-2.5}}']],
    },
    {
      text: '<|tool_call>call:weather{city:<|"|>Rome<|"|>}<tool_call|><|tool_call>call:news{}<tool_call|>',
      said: '',
      calls: [
        ['weather', '{"city":"Rome"}'],
        ['news', '{}'],
      ],
    },
    {
      text: `<tool_call>\n{"name": "weather", "arguments": ${city}}\n</tool_call>`,
      said: '',
      calls: [['weather', city]],
    },
  ],
};

/** Reads an answer in pieces; puts the parts together, and checks each of them. */
function read(format: ToolFormatName, pieces: readonly string[], finish: FinishReason) {
  const reader = new ToolCallReader(toolFormat[format], names);
  let said = '';
  const calls: [string, string][] = [];
  for (const [i, piece] of pieces.entries()) {
    const parts: CallPart[] = reader.read(piece, i === pieces.length - 1 ? finish : null);
    const indices = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.index]));
    assert.equal(new Set(indices).size, indices.length, 'one delta of each call');
    for (const part of parts) {
      if (typeof part === 'string') {
        assert.notEqual(part, '', 'no empty text');
        said += part;
        continue;
      }
      const { id, function: delta } = part;
      if (id !== undefined) calls.push([delta.name ?? '', '']);
      else assert.notEqual(delta.arguments, '', 'no empty delta');
      const call = calls.at(-1);
      assert.ok(call && part.index === calls.length - 1);
      call[1] += delta.arguments;
    }
  }
  return { said, calls };
}

const mark =
  /<\|?\/?tool|tool_call|\[TOOL|\[ARGS|functools\[|python_tag|_function_call|<escape>|call:|\{"name": "(?:we|ne)/;

describe('calls of tools', () => {
  for (const [name, rows] of Object.entries(answers) as [ToolFormatName, Row[]][]) {
    test(`${name}: the same in one piece, in characters and in two pieces of any length`, () => {
      for (const { text, said, calls } of rows) {
        const characters = [...text];
        assert.deepEqual(read(name, [text], 'stop'), { said, calls }, text);
        assert.deepEqual(read(name, characters, 'stop'), { said, calls }, text);
        for (let at = 1; at < text.length; at++)
          assert.deepEqual(read(name, [text.slice(0, at), text.slice(at)], 'stop'), { said, calls }, text);
      }
    });

    test(`${name}: cut anywhere, what was a call leaves no mark, and arguments are as far as they came`, () => {
      for (const { text, said, calls } of rows) {
        if (calls.length === 0) continue;
        for (let at = 1; at < text.length; at++) {
          const cut = read(name, [...text.slice(0, at)], 'length');
          assert.doesNotMatch(cut.said, mark, text.slice(0, at));
          assert.ok(
            said.startsWith(cut.said.trimEnd()) || cut.said.trim().match(/^`{0,3}(j|js|jso|json)?\s*\[?$/),
            cut.said,
          );
          for (const [i, [called, args]] of cut.calls.entries()) {
            assert.equal(called, calls[i]?.[0]);
            assert.ok(calls[i]?.[1].startsWith(args), args);
          }
        }
      }
    });
  }

  test('what is no call after a mark is text without it', () => {
    assert.deepEqual(read('hermes', ['<tool_call>sorry</tool_call>'], 'stop').calls, []);
    assert.doesNotMatch(read('hermes', ['<tool_call>sorry</tool_call>'], 'stop').said, mark);
  });
});
