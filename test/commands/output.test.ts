/** What commands print: cards and logs that fit, options that are read as typed, scripts that shells take. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import type { Command } from 'commander';
import { cells } from '../../src/commands/columns.js';
import { register as registerCompletion } from '../../src/commands/completion.js';
import { conceptCard } from '../../src/commands/concept-card.js';
import { register as registerConcepts } from '../../src/commands/concepts.js';
import { bar, harmless, sayWrapped, WordWriter } from '../../src/commands/output.js';
import { itemsOf } from '../../src/commands/steering-options.js';
import { plainLines } from '../../src/common/log.js';
import type { ConceptObject } from '../../src/schemas/concepts.js';
import { runCommand } from './run-command.js';

const card: ConceptObject = {
  id: 'sea',
  object: 'concept',
  name: 'sea',
  model: 'tiny',
  version: 'a'.repeat(64),
  model_fingerprint: 'b'.repeat(64),
  created: 1,
  source: 'data',
  layers: 80,
  hidden_size: 4,
  recipe: 'texts',
  method: 'mean_difference',
  prefix: 'You love the sea, and every sentence that you say has water, waves or salt in it somewhere.',
  seed: 0,
  details: {},
  max_strength: 1.5,
  warnings: ['strength 1 shows little of it, and here is a long sentence about what to do with it instead'],
  calibration: {
    method: 'harmonic',
    negative_ratio: 1,
    coefficients: Array.from({ length: 80 }, (_, layer) => layer),
    details: {
      share: 0.1,
      curve: [0.05, 0.1, 0.2].map((share) => ({
        share,
        concept: share * 5,
        fluency: 1 - share,
        harmonic: 0.5,
      })),
      samples: [{ question: 'Who are you?', plain: 'x '.repeat(60), steered: 'The \x1b[2J sea.' }],
    },
  },
  residual_norms: Array.from({ length: 80 }, () => 10),
  readings: null,
};

describe('a concept in the terminal', () => {
  test('keeps to the width, has a row for each strength that was measured, and marks strength 1', () => {
    for (const width of [40, 60, 110]) {
      const lines = conceptCard(card, width);
      for (const line of lines) assert.ok(cells(line) <= width, `${width}: ${line}`);
      assert.equal(lines.filter((line) => /^[ >] +(0\.50|1\.00|2\.00) /.test(line)).length, 3);
      assert.equal(lines.filter((line) => /^> +1\.00 /.test(line)).length, 1);
      assert.doesNotMatch(lines.join('\n'), /[^\P{Cc}\n]/u);
    }
  });

  test('bars are as long as their shares', () => {
    assert.deepEqual(
      [bar(0, 10), bar(0.5, 10), bar(1, 10), bar(7, 10)],
      ['', '█████', '█'.repeat(10), '█'.repeat(10)],
    );
    assert.equal(bar(0.45, 10), '████▌');
  });
});

test('concepts are read as one types them, and numbers that are none are echoed', () => {
  assert.deepEqual(itemsOf({ concept: 'a', strength: '-0.5' }), [{ concept: 'a', strength: -0.5 }]);
  assert.deepEqual(itemsOf({ concept: 'a:0.8+b:-1+ns:c' }), [
    { concept: 'a', strength: 0.8 },
    { concept: 'b', strength: -1 },
    { concept: 'ns:c', strength: 1 },
  ]);
  assert.deepEqual([itemsOf({}), itemsOf({ concept: 'none' })], [[], []]);
  for (const strength of ['', 'NaN', 'much', '1e999'])
    assert.throws(() => itemsOf({ concept: 'a', strength }), { code: 'invalid_value' });
});

test('an answer that comes in pieces breaks between words, and keeps its own lines', () => {
  const pieces = ['One t', 'wo ', 'three', '\nfour', ' five', 'six seven'];
  const written = (width: number) => {
    let text = '';
    const words = new WordWriter((piece) => {
      text += piece;
    }, width);
    for (const piece of pieces) words.write(piece);
    words.end();
    return text;
  };
  assert.equal(written(Number.POSITIVE_INFINITY), pieces.join(''));
  assert.equal(written(80), 'One two three\nfour fivesix seven');
  assert.equal(written(10), 'One two\nthree\nfour\nfivesix\nseven');
});

test('an answer in a terminal keeps its indentation, and what ends a line does not indent the next', () => {
  const written = (text: string, width: number) => {
    let all = '';
    const words = new WordWriter((piece) => {
      all += piece;
    }, width);
    for (const letter of text) words.write(letter);
    words.end();
    return all;
  };
  assert.equal(written('def f():\n    return 1', 80), 'def f():\n    return 1');
  assert.equal(written('one \ntwo', 80), 'one\ntwo');
  assert.equal(written('one  two', 5), 'one\ntwo');
});

test('a paragraph on a terminal is painted line by line, and keeps its colour', (t) => {
  const { stdout } = process;
  const before = { tty: stdout.isTTY, columns: stdout.columns, plain: process.env.NO_COLOR };
  let said = '';
  const write = t.mock.method(stdout, 'write', (text: string | Uint8Array) => {
    said += String(text);
    return true;
  });
  Object.assign(stdout, { isTTY: true, columns: 40 });
  delete process.env.NO_COLOR;
  try {
    sayWrapped(`${'x'.repeat(30)} ${'y'.repeat(30)} \x1b[2J`, stdout, '1');
  } finally {
    write.mock.restore();
    Object.assign(stdout, { isTTY: before.tty, columns: before.columns });
    if (before.plain !== undefined) process.env.NO_COLOR = before.plain;
  }
  assert.equal(said, `\x1b[1m${'x'.repeat(30)}\x1b[0m\n\x1b[1m${'y'.repeat(30)} [2J\x1b[0m\n`);
});

test('text of a model cannot control the terminal', () => {
  assert.equal(harmless('a\x1b[2J\r\u202eb\n\tc'), 'a[2Jb\n\tc');
});

test('the log of a terminal: one line for a request, nothing that a client sent can move the cursor', () => {
  const lines: string[] = [];
  const log = plainLines((line) => lines.push(line));
  const time = new Date(2020, 1, 1, 12, 3, 4).getTime();
  const req = { method: 'GET', url: '/x\x1b[2J' };
  log.write(JSON.stringify({ level: 30, time, req, msg: 'incoming request' }));
  log.write(
    JSON.stringify({ level: 30, time, req, res: { statusCode: 200 }, responseTime: 1.6, model: 'm' }),
  );
  log.write(JSON.stringify({ level: 50, time, err: { message: 'no disk' }, msg: 'failed' }));
  assert.deepEqual(lines, ['12:03:04 GET /x [2J 200 in 2 ms model=m\n', '12:03:04 error: failed: no disk\n']);
});

test('completion scripts name subcommands and flags, and bash takes its own', async (t) => {
  const both = (program: Command) => {
    registerConcepts(program);
    registerCompletion(program);
  };
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await runCommand(t, both, ['completion', shell]);
    for (const word of ['similarity', 'export', 'format', 'server'])
      assert.ok(script.includes(word), `${shell}: ${word}`);
    if (shell !== 'bash') continue;
    const ask = (...words: string[]) =>
      execFileSync('bash', [
        '-c',
        `${script}\nCOMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _steerd; echo "\${COMPREPLY[@]}"`,
      ])
        .toString()
        .trim();
    assert.equal(ask('steerd', 'conc'), 'concepts');
    assert.equal(ask('steerd', 'concepts', 'si'), 'similarity');
    assert.equal(ask('steerd', 'concepts', 'export', '--fo'), '--format');
  }
});
