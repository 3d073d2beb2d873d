/** What `steerd bench` says before it does anything: the plan, and what is wrong with its options. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { register } from '../../src/commands/bench.js';
import { runCommand } from './run-command.js';

const plan = async (t: Parameters<typeof runCommand>[0], args: readonly string[]) =>
  JSON.parse(
    await runCommand(t, register, ['bench', 'concepts', '--out', 'nowhere', '--dry-run', '--json', ...args]),
  );

test('a dry run tells how much there is to do', async (t) => {
  const whole = await plan(t, []);
  assert.deepEqual([whole.concepts, whole.fits, whole.answers, whole.judgements], [512, 1024, 20_480, 0]);
  const small = await plan(t, [
    ...[
      '--sample',
      '3',
      '--methods',
      'rfm',
      '--one-at-a-time',
      '--tokens',
      'chosen,-1,-5',
      '--labels',
      'soft,hard',
    ],
    ...['--top-layers', '8', '--bottom-layers', '8', '--judge', 'http://x/v1', '--judge-model', 'm'],
  ]);
  assert.deepEqual(small.variants, [
    'attention rfm, token chosen, labels soft, layers top 8',
    'attention rfm, token -1, labels soft, layers top 8',
    'attention rfm, token -5, labels soft, layers top 8',
    'attention rfm, token chosen, labels hard, layers top 8',
    'attention rfm, token chosen, labels soft, layers bottom 8',
  ]);
  assert.deepEqual([small.answers, small.judgements], [15 * 5 * (2 + 5 * 3), 4 * 15 * 5 * (2 + 5 * 3)]);
});

test('a run goes into a folder, or is a job of a server', async (t) => {
  const bench = (...args: string[]) => runCommand(t, register, ['bench', 'concepts', ...args]);
  await assert.rejects(bench(), { message: /^--out must be given, or --job/ });
  await assert.rejects(bench('--job', 'j', '--local'), { message: /--job must be asked of a server/ });
  await assert.rejects(bench('--job', 'j', '--copies', '2'), {
    message: /--copies must be left out with --job/,
  });
  await assert.rejects(bench('--local', '--keep-concepts', '--copies', '2', '--out', 'nowhere'), {
    message: /--copies must be 1 with --keep-concepts/,
  });
  await assert.rejects(bench('--job', 'j', '--judge', 'http://x', '--judge-model', 'm'), {
    message: /--judge must be left out with --job/,
  });
});

test('an option that cannot be is refused by its name', async (t) => {
  for (const [args, message] of [
    [['--recipes', 'magic'], /--recipes must be some of attention, responses, texts/],
    [['--recipes', ','], /--recipes must be at least one name/],
    [['--methods', 'rfm,rmf'], /--methods must be some of usual, rfm/],
    [['--tokens', '0'], /--tokens must be chosen, or whole numbers from -32 to -1/],
    [['--statements', '1'], /--statements must be whole numbers from 2/],
    [['--strengths', '0.5'], /strengths must be numbers with 1 among them/],
    [['--seeds', '2', '--temperature', '0'], /--seeds must be 1 at temperature 0/],
    [['--sample', '0'], /--sample must be a whole number from 1/],
    [['--judge', 'http://x'], /--judge-model must be given with --judge/],
    [['--judge-price', '1'], /--judge-price must be two numbers/],
    [
      ['--judge', 'http://x', '--judge-model', 'm', '--judge-timeout', '0'],
      /--judge-timeout must be seconds, more/,
    ],
    [
      ['--judge', 'http://x', '--judge-model', 'm', '--judge-scores', ','],
      /--judge-scores must be at least one/,
    ],
    [['--parallel', '0'], /--parallel must be a whole number from 1/],
    [['--judge', 'x', '--judge-model', 'm'], /--judge must be an address that begins with http/],
    [['--list', '/nowhere.csv'], /--list must be a file that can be read/],
  ] as const)
    await assert.rejects(plan(t, args), { message }, args.join(' '));
});
