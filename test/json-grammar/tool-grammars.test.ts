/** Calls are held to the parameters of the tool that they name, whatever the other tools' are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedTools, callText } from '../../src/completions/tools.js';
import { loadGrammarLibrary } from '../../src/engine/grammar/grammar-library.js';
import type { Tool } from '../../src/schemas/tools.js';
import { byteCharacters } from '../../src/text/token-bytes.js';

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

test('each tool has its own grammar', async () => {
  const library = await loadGrammarLibrary(
    { tokens: [...byteCharacters, '</s>'], endTokens: [end] },
    end + 1,
  );
  const { constraint } = askedTools({
    tools: [tool('a', { x: { type: 'integer', minimum: 1, maximum: 3 } }), tool('b', { y: { enum: ['p'] } })],
    tool_choice: 'required',
  });
  assert.ok(constraint);
  const grammar = await library.compile(constraint.source);
  const fits = async (text: string) => {
    const matcher = await library.matcher(grammar);
    const taken = [...Buffer.from(text), end].every((byte) => matcher.acceptToken(byte));
    matcher.dispose();
    return taken;
  };
  for (const text of [
    callText('a', '{"x": 2}'),
    callText('b', '{"y": "p"}'),
    `${callText('a', '{"x": 2}')}\n${callText('b', '{"y": "p"}')}`,
  ])
    assert.ok(await fits(text), text);
  for (const text of [callText('a', '{"x": 4}'), callText('a', '{"y": "p"}'), callText('b', '{"x": 2}'), ''])
    assert.ok(!(await fits(text)), text);
});
