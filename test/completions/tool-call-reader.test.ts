/** Calls are read alike however their text comes, and no mark of one is ever text. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withinTime } from '../../src/common/time-limit.js';
import type { CallPart } from '../../src/completions/call-parts.js';
import { ToolCallReader } from '../../src/completions/tool-call-reader.js';
import { toolFormat } from '../../src/completions/tool-formats.js';
import type { FinishReason } from '../../src/engine/protocol.js';
import type { ToolFormatName } from '../../src/text/answer-marks.js';

const tools = [
  {
    name: 'weather',
    schema: {
      type: 'object',
      properties: {
        city: { type: 'string' },
        days: { type: 'integer' },
        deep: { $ref: '#/$defs/deep' },
        note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      },
      $defs: { deep: { type: 'object', properties: { x: { type: 'number' } } } },
    },
  },
  { name: 'news', schema: { type: 'object', properties: {} } },
  { name: 'a.b', schema: {} },
];
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
    // What has braces and quotes stands behind the arguments.
    {
      text: '<tool_call>{"type": "function", "function": {"name": "news", "arguments": {}}, "id": "a\\"}b"}</tool_call> Done.',
      said: 'Done.',
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
  mistral_args: [
    {
      text: `[TOOL_CALLS]weather[ARGS]${city}[TOOL_CALLS]news[CALL_ID]123456789[ARGS]{}`,
      said: '',
      calls: [
        ['weather', city],
        ['news', '{}'],
      ],
    },
    {
      text: `[TOOL_CALLS][{"name": "weather", "arguments": ${city}}]`,
      said: '',
      calls: [['weather', city]],
    },
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
  pythonic: [
    {
      text: `[weather(city="a ) \\" b, ]", days=3), news()]`,
      said: '',
      calls: [
        ['weather', '{"city": "a ) \\" b, ]", "days": 3}'],
        ['news', '{}'],
      ],
    },
    {
      text: `<|python_start|>[weather(city='it\\'s', deep={'x': [1, (2.5, None)], "y": {}}, note=None)]<|python_end|>`,
      said: '',
      calls: [['weather', '{"city": "it\'s", "deep": {"x": [1, [2.5, null]], "y": {}}, "note": null}']],
    },
    {
      text: '<|tool_call_start|>[weather(city="Rome", on=True)]<|tool_call_end|>It is sunny.',
      said: 'It is sunny.',
      calls: [['weather', '{"city": "Rome", "on": true}']],
    },
    {
      text: 'weather(city="""a "b"\n""", days=-1_000)\nnews()',
      said: '',
      calls: [
        ['weather', '{"city": "a \\"b\\"\\n", "days": -1000}'],
        ['news', '{}'],
      ],
    },
    // Without names, in the schema's order; as one object; words without quotes.
    { text: '[weather("Rome", 2)]', said: '', calls: [['weather', '{"city": "Rome", "days": 2}']] },
    { text: '[weather({"city": "Rome"})]', said: '', calls: [['weather', '{"city": "Rome"}']] },
    { text: '[weather(city=Rome)]', said: '', calls: [['weather', '{"city": "Rome"}']] },
    {
      text: '<|python_tag|>weather.call(city="\\u00e9")',
      said: '',
      calls: [['weather', '{"city": "é"}']],
    },
    { text: '[a.b(x=1,)]', said: '', calls: [['a.b', '{"x": 1}']] },
    { text: `{"name": "weather", "parameters": ${city}}`, said: '', calls: [['weather', city]] },
    { text: '[1] is a note, f(x) too', said: '[1] is a note, f(x) too', calls: [] },
    { text: '[other(x=1)]', said: '[other(x=1)]', calls: [] },
    { text: 'weather is news(', said: 'weather is news(', calls: [] },
  ],
  xml: [
    {
      text: '<tool_call>\n<function=weather>\n<parameter=city>\na < b\n\n"c"\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=news>\n</function>\n</tool_call>',
      said: '',
      calls: [
        ['weather', '{"city": "a < b\\n\\n\\"c\\"", "days": 3}'],
        ['news', '{}'],
      ],
    },
    {
      text: 'Let me see.\n<function=weather>\n<parameter=deep>\n{"x": 1}\n</parameter>\n<parameter=note>\nnull\n</parameter>\n</function>\n</tool_call>',
      said: 'Let me see.\n',
      calls: [['weather', '{"deep": {"x": 1}, "note": null}']],
    },
    // What Python would write where JSON is meant, and a string that looks like a number.
    {
      text: "<tool_call><function=weather><parameter=deep>{'x': True}</parameter><parameter=city>5</parameter></function></tool_call>",
      said: '',
      calls: [['weather', '{"deep": {"x": true}, "city": "5"}']],
    },
    // A parameter that nobody closed.
    {
      text: '<tool_call>\n<function=weather>\n<parameter=city>\nRome\n<parameter=days>\n3\n</function>\n</tool_call>',
      said: '',
      calls: [['weather', '{"city": "Rome", "days": 3}']],
    },
    {
      text: '<seed:tool_call>\n<function=weather>\n<parameter=city>Rome</parameter>\n</function>\n</seed:tool_call>',
      said: '',
      calls: [['weather', '{"city": "Rome"}']],
    },
    {
      text: '<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call><tool_call>news\n</tool_call>',
      said: '',
      calls: [
        ['weather', '{"city": "Rome", "days": 3}'],
        ['news', '{}'],
      ],
    },
    {
      text: `<tool_call>\n{"name": "weather", "arguments": ${city}}\n</tool_call>`,
      said: '',
      calls: [['weather', city]],
    },
    { text: `<function=weather>${city}</function>`, said: '', calls: [['weather', city]] },
    { text: 'a <function> is </function>', said: 'a <function> is </function>', calls: [] },
  ],
  deepseek: [
    {
      text: `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n\`\`\`json\n${city}\n\`\`\`<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>news\n\`\`\`json\n{}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
      said: '',
      calls: [
        ['weather', city],
        ['news', '{}'],
      ],
    },
    {
      text: `Well.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>${city}<｜tool▁call▁end｜><｜tool▁call▁begin｜>news<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
      said: 'Well.',
      calls: [
        ['weather', city],
        ['news', '{}'],
      ],
    },
  ],
};

/** Reads an answer in pieces; puts the parts together, and checks each of them. */
function read(format: ToolFormatName, pieces: readonly string[], finish: FinishReason) {
  const reader = new ToolCallReader(toolFormat[format], tools);
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
  /<\|?\/?tool|tool_call|\[TOOL|\[ARGS|functools\[|python_tag|_function_call|<escape>|call:|<\/?function=|<\/?parameter|<\/?arg_|<｜|<\|python|seed:|\[(?:wea|new)|\{"name": "(?:we|ne)/;

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

  test('cut within a character of a mark, nothing of it is text', () => {
    for (const begun of ['<\ufffd', '<｜tool▁calls▁begin\ufffd\ufffd', 'Well.<｜tool\ufffd']) {
      const { said } = read('deepseek', [begun], 'length');
      assert.equal(said, begun.startsWith('Well.') ? 'Well.' : '', begun);
    }
    assert.equal(read('deepseek', ['a\ufffd'], 'length').said, 'a\ufffd');
  });

  test('what only looks like a call is told from one in a moment, however it goes on', () => {
    const spaces = ' '.repeat(100_000);
    for (const text of [
      `<tool_call>a${'`bbbbb'.repeat(40)}!`,
      `<tool_call>a${'</'.repeat(120)}!`,
      `<tool_call>a${'`'.repeat(250)}!`,
      `<tool_call>a${'[b.c'.repeat(60)}!`,
      `<tool_call>a${spaces}!`,
      `<tool_call><function=weather>\n<parameter=${spaces}`,
      `<tool_call><function=${spaces}`,
      `{"id": "${spaces}`,
      `${spaces}[`,
    ]) {
      const done = withinTime(() => read('xml', [text], 'stop'), 5000);
      assert.ok(done !== null, text.slice(0, 80));
    }
  });

  test('what is no call after a mark is text without it', () => {
    assert.deepEqual(read('hermes', ['<tool_call>sorry</tool_call>'], 'stop').calls, []);
    assert.doesNotMatch(read('hermes', ['<tool_call>sorry</tool_call>'], 'stop').said, mark);
  });
});
