import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstObject, jsonTokens, writesJson } from '../../../src/fitting/measure/json-answer.js';
import { FakeEngine, fakeModel } from '../../helpers/fake-engine.js';

test('the first object of a text is found, braces in strings and objects in it included', () => {
  for (const [text, object] of [
    ['{"a": 1}', '{"a": 1}'],
    ['Sure:\n```json\n{"a": {"b": []}}\n``` {"c": 2}', '{"a": {"b": []}}'],
    ['{"a": "}", "b": "\\"}"} rest', '{"a": "}", "b": "\\"}"}'],
    ['{not json}', '{not json}'],
    ['{"a": "', null],
    ['{"a": {"b": 1}', null],
    ['no object', null],
    ['', null],
  ] as const)
    assert.equal(firstObject(text), object, text);
});

const written = async (answer: string) => {
  const engine = new FakeEngine({ answer: () => answer });
  const result = await writesJson(fakeModel(engine), [65], [], new AbortController().signal);
  return { result, engine };
};

test('an answer writes JSON when its first object parses', async () => {
  assert.equal((await written('Here it is: {"name": "Anna", "age": 31}. Enjoy!')).result, true);
  assert.equal((await written("{'name': 'Anna'}")).result, false);
  assert.equal((await written('{"name": "Anna",}')).result, false);
  assert.equal((await written('name: Anna')).result, false);
  assert.equal((await written(`{"name": "${'a'.repeat(jsonTokens)}"}`)).result, false);
});

test('nothing is written after the object, and the sequence is over', async () => {
  const { engine } = await written('{"ok": true} and so on');
  assert.equal(engine.running, 0);
  assert.equal(engine.left, 1);
});
