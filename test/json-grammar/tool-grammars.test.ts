/** Calls are held to the parameters of the tool that they name, in the form that the model writes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteCharacters } from '../../src/common/byte-alphabet.js';
import { answerConstraint } from '../../src/completions/answer-constraint.js';
import type { AnswerReading } from '../../src/completions/answer-reading.js';
import { jsonSchema } from '../../src/completions/constraint.js';
import { callsText, toolFormat } from '../../src/completions/tool-formats.js';
import { askedTools } from '../../src/completions/tools.js';
import { loadGrammarLibrary } from '../../src/engine/grammar/grammar-library.js';
import type { Tool } from '../../src/schemas/tools.js';
import { toolFormats } from '../../src/text/answer-marks.js';

const end = 256;
const tool = (name: string, properties: Record<string, unknown>): Tool => ({
  type: 'function',
  function: {
    name,
    parameters: {
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    },
  },
});
const tools = [
  tool('a', { x: { type: 'integer', minimum: 1, maximum: 3 } }),
  tool('b', { y: { enum: ['p'] } }),
];
const marks = { open: '<think>', close: '</think>' };
const schema = { type: 'object', properties: { z: { type: 'boolean' } }, required: ['z'] };

/** Whether a text is one that the constraint lets through, to its end. */
async function fitter(reading: AnswerReading, format = false): Promise<(text: string) => Promise<boolean>> {
  const library = await loadGrammarLibrary(
    { tokens: [...byteCharacters, '</s>'], endTokens: [end] },
    end + 1,
  );
  const constraint = answerConstraint(format ? jsonSchema(schema, 'response_format') : null, reading);
  assert.ok(constraint);
  const grammar = await library.compile(constraint.source);
  return async (text) => {
    const matcher = await library.matcher(grammar);
    const taken = [...Buffer.from(text), end].every((byte) => matcher.acceptToken(byte));
    matcher.dispose();
    return taken;
  };
}

describe('what calls are held to', () => {
  for (const name of toolFormats) {
    const format = toolFormat[name];
    const write = (...calls: [string, string][]) =>
      callsText(
        format,
        calls.map(([tool, args]) => ({ name: tool, args })),
      );
    const good = [
      write(['a', '{"x": 2}']),
      write(['b', '{"y": "p"}']),
      write(['a', '{"x": 2}'], ['b', '{"y": "p"}']),
    ];
    const bad = [write(['a', '{"x": 4}']), write(['a', '{"y": "p"}']), write(['b', '{"x": 2}'])];

    test(`${name}: required, each tool has its own grammar`, async () => {
      const { calls } = askedTools({ tools, tool_choice: 'required' });
      const fits = await fitter({ reasoning: null, calls, format });
      for (const text of good) assert.ok(await fits(text), text);
      for (const text of [...bad, '', 'Hi']) assert.ok(!(await fits(text)), text);
    });

    test(`${name}: free, text may come, and a call that is begun is held to its tool`, async () => {
      const { calls } = askedTools({ tools });
      const reading = { reasoning: null, calls, format };
      // Calls in a syntax that no grammar holds come as they come, and are validated when they are done.
      if (format.free) return assert.equal(answerConstraint(null, reading), null);
      const fits = await fitter(reading);
      for (const text of [...good, 'Hi <b> {"name": "c"}', `Well. ${good[0]}`])
        assert.ok(await fits(text), text);
      for (const text of bad) assert.ok(!(await fits(text)), text);
      return undefined;
    });

    test(`${name}: beside a format, a call or an answer in it; reasoning before either`, async () => {
      const { calls } = askedTools({ tools });
      for (const begun of [undefined, true, false]) {
        const reasoning = begun === undefined ? null : { marks, begun };
        const fits = await fitter({ reasoning, calls, format }, true);
        const answers = [...good, '{"z": true}'];
        for (const text of answers) {
          if (!begun) assert.ok(await fits(text), text);
          if (begun === undefined) continue;
          const reasoned = `${begun ? '' : '<think>'}\nHm, <x> {"a": </think>\n\n${text}`;
          assert.ok(await fits(reasoned), reasoned);
        }
        for (const text of [...bad, 'Hi', '{"z": 1}']) assert.ok(!(await fits(text)), text);
      }
    });
  }

  test('DeepSeek: both ways in which its models write a call', async () => {
    const { calls } = askedTools({ tools });
    const fits = await fitter({ reasoning: null, calls, format: toolFormat.deepseek });
    const older = (x: number) =>
      `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>a\n\`\`\`json\n{"x": ${x}}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`;
    assert.ok(await fits(older(2)));
    assert.ok(!(await fits(older(4))));
  });

  test('one call at most where no parallel calls are wanted, or one tool is named', async () => {
    const named = { type: 'function' as const, function: { name: 'a' } };
    for (const options of [
      { tools, tool_choice: 'required' as const, parallel_tool_calls: false },
      { tools, tool_choice: named },
    ]) {
      const { calls } = askedTools(options);
      const fits = await fitter({ reasoning: null, calls, format: toolFormat.hermes });
      const one = callsText(toolFormat.hermes, [{ name: 'a', args: '{"x": 2}' }]);
      assert.ok(await fits(one));
      assert.ok(!(await fits(`${one}\n${one}`)));
    }
  });

  test('allowed tools are those that may be called; all are told of', async () => {
    const allowed = {
      mode: 'required' as const,
      tools: [{ type: 'function' as const, function: { name: 'b' } }],
    };
    const asked = askedTools({ tools, tool_choice: { type: 'allowed_tools', allowed_tools: allowed } });
    assert.equal(asked.tools.length, 2);
    const fits = await fitter({ reasoning: null, calls: asked.calls, format: toolFormat.hermes });
    assert.ok(await fits(callsText(toolFormat.hermes, [{ name: 'b', args: '{"y": "p"}' }])));
    assert.ok(!(await fits(callsText(toolFormat.hermes, [{ name: 'a', args: '{"x": 2}' }]))));
  });
});
