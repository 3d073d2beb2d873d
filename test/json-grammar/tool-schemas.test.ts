/**
 * Parameters of tools in the wild: every schema can be held to somehow, what a grammar lets through is JSON, and what was
 * not loosened validates. Ajv judges, and judges the server's own validation.
 */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { askedTools } from '../../src/completions/tools.js';
import { SteerdError } from '../../src/errors.js';
import { modernSchema } from '../../src/json-grammar/dialects.js';
import { Rules } from '../../src/json-grammar/ebnf.js';
import { Loosening } from '../../src/json-grammar/loosening.js';
import { schemaExpression } from '../../src/json-grammar/schema-grammar.js';
import { faultOf } from '../../src/json-grammar/validation.js';
import { RandomTexts } from './random-texts.js';
import { toolSchemas } from './tool-schemas.js';

/** Whether Ajv takes a value; null for a schema that it cannot read. */
function judge(schema: unknown, value: unknown): boolean | null {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false, multipleOfPrecision: 9 });
  try {
    return ajv.compile(schema as object)(value) as boolean;
  } catch {
    return null;
  }
}

const called = (name: string, parameters: Record<string, unknown>, strict = false) => {
  const { calls } = askedTools({ tools: [{ type: 'function', function: { name, parameters, strict } }] });
  const [tool] = calls?.tools ?? [];
  assert.ok(tool);
  return tool;
};

describe('parameters of tools in the wild', () => {
  let texts: RandomTexts;
  before(async () => {
    texts = await RandomTexts.open(11);
  });

  test('there are sixty', () => assert.equal(toolSchemas.length, 60));

  for (const { name, parameters, fits, not } of toolSchemas) {
    test(name, async () => {
      const tool = called('f', parameters);
      const rules = new Rules();
      const grammar = rules.grammar(schemaExpression(tool.held, rules, new Loosening()));
      const written = await texts.of(grammar, 3, 600);
      for (const text of written) {
        if (text === null) continue;
        const value = JSON.parse(text) as unknown;
        assert.equal(typeof value, 'object');
        const verdict = judge(tool.schema, value);
        const fault = faultOf(tool.schema, value);
        if (verdict !== null)
          assert.equal(fault === null, verdict, `${text}: ${fault?.at} ${fault?.message}`);
        if (tool.loosened.length === 0) assert.equal(fault, null, text);
      }
      assert.equal(faultOf(tool.schema, fits), null);
      if (not) assert.notEqual(faultOf(tool.schema, not), null);
    });
  }

  test('a strict tool is refused where it is loosened otherwise, and told where', () => {
    const parameters = { type: 'object', properties: { b: { type: 'array', uniqueItems: true } } };
    assert.throws(
      () => called('f', parameters, true),
      (error) =>
        error instanceof SteerdError &&
        error.code === 'constraint_refused' &&
        error.param === 'tools.0.function.parameters' &&
        /schema\.properties\.b\.uniqueItems/.test(error.message),
    );
    const { loosened } = called('f', parameters);
    assert.deepEqual(
      loosened.map(({ path }) => path),
      ['schema.properties.b.uniqueItems'],
    );
  });

  test('the words of other dialects mean the same in those of 2020-12', () => {
    for (const { name, parameters, fits, not } of toolSchemas) {
      const modern = modernSchema(parameters);
      assert.deepEqual(modernSchema(modern), modern, `${name}: twice is once`);
      const verdict = judge(modern, fits);
      if (verdict !== null) assert.equal(verdict, true, name);
      const other = not && judge(modern, not);
      if (typeof other === 'boolean') assert.equal(other, false, name);
    }
  });

  test('a pattern that takes for ever ends, and counts as matched', () => {
    const started = performance.now();
    assert.equal(faultOf({ pattern: '^(a+)+$' }, `${'a'.repeat(40)}b`), null);
    // However many texts it is tried on: one at a time, these would take minutes.
    const texts = Array.from({ length: 5000 }, (_, i) => `${'a'.repeat(40)}${i}`);
    assert.equal(faultOf({ items: { pattern: '^(a+)+$' } }, texts), null);
    assert.ok(performance.now() - started < 8000);
    // A pattern beside it that ends is held to all the same.
    const mixed = { prefixItems: [{ pattern: '^(a+)+$' }], items: { pattern: '^b$' } };
    assert.equal(faultOf(mixed, [`${'a'.repeat(40)}b`, 'b', 'c'])?.at, '/2');
  });
});
