/** Reading Dockerfiles. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedPaths } from './build-context.js';
import { ancestry, pairsOf, parseDockerfile, stagesOf, wordsOf } from './dockerfile.js';

test('lines go on after a backslash, over comments; flags are taken off', () => {
  const found = parseDockerfile(
    '# head\nFROM a AS b\n\nRUN one \\\n  # why\n  && two --x=y\ncopy --from=b --chmod=1 c d\n',
  );
  assert.deepEqual(found, [
    { name: 'FROM', flags: {}, text: 'a AS b', line: 2 },
    { name: 'RUN', flags: {}, text: 'one && two --x=y', line: 4 },
    { name: 'COPY', flags: { from: 'b', chmod: '1' }, text: 'c d', line: 7 },
  ]);
});

test('what is not known is refused with its line', () => {
  assert.throws(() => parseDockerfile('FROM a\nADD x y'), /line 2: ADD/);
  assert.throws(() => parseDockerfile('RUN <<EOF'), /line 1: heredocs/);
  assert.throws(() => parseDockerfile('FROM a\nRUN x \\\n'), /line 2: the file ends/);
  assert.throws(() => stagesOf(parseDockerfile('RUN x')), /line 1: RUN before FROM/);
  assert.throws(() => wordsOf({ name: 'CMD', flags: {}, text: 'serve', line: 3 }), /line 3: CMD/);
});

test("stages have their images' names filled in, and their ancestors in order", () => {
  const instructions = parseDockerfile('ARG V=1\nFROM base:$V AS one\nFROM x\nFROM one AS two\nENV A=b');
  const stages = stagesOf(instructions);
  const names = stages.map(({ name, from }) => [name, from]);
  assert.deepEqual(names, [
    ['one', 'base:1'],
    ['1', 'x'],
    ['two', 'one'],
  ]);
  assert.equal(stagesOf(instructions, { V: '2' })[0]?.from, 'base:2');
  assert.deepEqual(
    ancestry(stages, 'two').map(({ name }) => name),
    ['one', 'two'],
  );
});

test('pairs may be quoted', () => {
  assert.deepEqual(pairsOf('A=b C="d e" F=g=h'), [
    ['A', 'b'],
    ['C', 'd e'],
    ['F', 'g=h'],
  ]);
});

test('.dockerignore is a list of what is let in, or refused', () => {
  assert.deepEqual(allowedPaths('# x\n*\n\n!src\n!.other\n'), ['src', '.other']);
  assert.throws(() => allowedPaths('node_modules\n'), /node_modules/);
  assert.throws(() => allowedPaths('*\n!a/**/b\n'), /a\/\*\*\/b/);
});
