/**
 * The benchmark as a command: before a server with the tiny model, judged by steerd itself with the embedded one, killed
 * on its way and gone on with.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readRecords } from '../../src/benchmark/record-file.js';
import { type BenchRecord, recordsFile } from '../../src/benchmark/records.js';
import { startTiny } from '../e2e/tiny-server.js';
import { temporaryFolder, tinyChatModel } from './tiny-chat-model.js';

interface Figure {
  readonly measure: string;
  readonly class: string;
  readonly variant: string;
  readonly fixed: { readonly mean: number };
}

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const judge = 'smollm2-135m-instruct';

const run = (args: readonly string[], env: Record<string, string>): ChildProcess =>
  spawn(process.execPath, [cli, 'bench', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });

async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let [out, err] = ['', ''];
  child.stdout?.on('data', (piece: Buffer) => {
    out += piece.toString();
  });
  child.stderr?.on('data', (piece: Buffer) => {
    err += piece.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

const linesOf = async (folder: string) =>
  (await readFile(join(folder, recordsFile), 'utf8').catch(() => '')).split('\n').length - 1;

test('a run before a server is killed, goes on, and is judged by steerd itself', async (t) => {
  const [lists, out] = [await temporaryFolder(t), join(await temporaryFolder(t), 'run')];
  const list = join(lists, 'list.csv');
  await writeFile(list, 'name,prefix,prompts\nsea,Sea.,Well?|And?\ntea,Tea.,Well?|And?\n');
  const server = await startTiny(t);
  const env = {
    STEERD_MODEL: tinyChatModel,
    STEERD_MODELS_DIR: server.modelsDirectory,
    STEERD_THREADS: '1',
    STEERD_DATA_DIR: lists,
  };
  const asked = [
    'concepts',
    '--server',
    server.url,
    '--model',
    tinyChatModel,
    '--list',
    list,
    '--out',
    out,
    '--json',
  ];
  const small = ['--recipes', 'responses', '--methods', 'mean_difference,pca', '--calibration', 'none'];
  const rest = ['--strengths', '0.5,1', '--max-tokens', '6', '--parallel', '2'];
  const all = [...asked, ...small, ...rest];

  const killed = run(all, env);
  const end = ended(killed);
  while ((await linesOf(out)) < 9 && killed.exitCode === null) await pause(5);
  killed.kill('SIGKILL');
  await end;
  const before = await linesOf(out);

  const on = await ended(run(all, env));
  assert.equal(on.code, 0, on.err);
  const { answers, fits, judges, figures } = JSON.parse(on.out);
  // Two concepts: plain, told, and two methods at two strengths, to two prompts each.
  assert.deepEqual([answers, fits.done, fits.failed, judges], [24, 4, 0, ['built-in']]);
  const records: BenchRecord[] = [];
  for await (const record of readRecords(out)) records.push(record);
  const cells = records.flatMap((record) => (record.kind === 'answer' ? [record.cell] : []));
  assert.deepEqual([cells.length, new Set(cells).size], [24, 24]);
  assert.ok(records.length >= before);
  // Its concepts are gone with it.
  const left = (await (await fetch(`${server.url}/v1/concepts?model=${tinyChatModel}`)).json()) as {
    data: object[];
  };
  assert.deepEqual(left.data, []);

  // The same run, judged afterwards: nothing is answered again.
  const judging = [
    '--judge',
    server.url,
    '--judge-model',
    judge,
    '--judge-scores',
    'success',
    '--judge-tokens',
    '80',
  ];
  const judged = await ended(run([...all, ...judging], env));
  assert.equal(judged.code, 0, judged.err);
  const summary = JSON.parse(judged.out);
  assert.deepEqual(summary.judges, ['built-in', judge]);
  assert.equal(summary.answers, 24);
  const use = summary.judge_use[judge];
  assert.equal(use.judgements, 24);
  assert.ok(use.unknown < 24 && use.prompt_tokens > 1000, JSON.stringify(use));

  // The same as a job of the server.
  const outside = asked.slice(0, asked.indexOf('--out'));
  const job = await ended(run([...outside, ...small, ...rest, '--job', 'of the server', '--json'], env));
  assert.equal(job.code, 0, job.err);
  const told = JSON.parse(job.out);
  assert.deepEqual(
    [told.id, told.state, told.job.status, told.answers, told.fits],
    ['of the server', 'done', 'succeeded', { done: 24, total: 24 }, { done: 4, total: 4, failed: 0 }],
  );
  // Of the same model, greedy: what it finds is what the command found.
  const fixed = figures.flatMap((one: Figure) =>
    one.measure === 'success' && one.class === 'all' ? [[one.variant, one.fixed.mean]] : [],
  );
  assert.deepEqual(
    told.success.map(({ variant, mean }: { variant: string; mean: number }) => [variant, mean]).sort(),
    fixed.sort(),
  );
  assert.match(await (await fetch(`${server.url}/v1/benchmarks/of%20the%20server/report`)).text(), /<html/);

  // And without a server, by two copies of the model: the same again, and nothing of theirs is left.
  const copied = join(lists, 'copied');
  const own = [
    'concepts',
    '--local',
    '--copies',
    '2',
    '--model',
    tinyChatModel,
    '--list',
    list,
    '--out',
    copied,
  ];
  const local = await ended(run([...own, ...small, ...rest, '--json'], env));
  assert.equal(local.code, 0, local.err);
  assert.deepEqual(JSON.parse(local.out).figures, figures);
  assert.deepEqual((await readdir(copied)).sort(), ['records.jsonl', 'run.json']);
  // Taken out of the server it is a folder like the command's: of the same plan, and nothing is answered again.
  const fetched = join(lists, 'fetched');
  const fetching = ['fetch', 'of the server', '--server', server.url, '--out', fetched, '--json'];
  for (const added of [28, 0]) {
    const taken = await ended(run(fetching, env));
    assert.equal(taken.code, 0, taken.err);
    assert.deepEqual([JSON.parse(taken.out).records, JSON.parse(taken.out).added], [28, added]);
  }
  const again = await ended(run([...outside, ...small, ...rest, '--out', fetched, '--json'], env));
  assert.equal(again.code, 0, again.err);
  assert.equal(await linesOf(fetched), 28);
  const none = await ended(run(['fetch', 'none', '--server', server.url, '--out', join(lists, 'none')], env));
  assert.equal(none.code, 2, none.err);

  // Two runs that are one differ in nothing.
  const compared = await ended(run(['compare', out, out, '--json'], env));
  const { differences } = JSON.parse(compared.out);
  assert.ok(differences.length > 0);
  for (const { difference } of differences) assert.equal(difference.mean, 0);

  const other = await ended(run([...all, '--max-tokens', '7'], env));
  assert.equal(other.code, 2);
  assert.match(
    other.err,
    /--out must be a new folder, or one whose run has the same plan \(options differ\)/,
  );
});
