/**
 * `npm run bench [-- [load|serving|turns|fit] --rounds N --tokens N --json FILE]`: everything, or one part, in one run, since
 * only ratios within one run mean something on a shared machine. Prints a table and writes the same figures as JSON.
 * `npm run bench -- turns --peer URL --peer-model NAME` has another server beside ours, llama-server for instance.
 * `npm run bench -- serving --against FOLDER` compares with another commit's checkout, built, instead: both serve in turns.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../src/common/package.js';
import { conceptsAtHand } from '../../src/concepts/concept-lookup.js';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { loadModel } from '../../src/models/serve/load.js';
import { ortVersion } from '../../src/ort/library.js';
import { resolveSteering } from '../../src/steering/resolve.js';
import { startServerProcess, temporaryData } from '../e2e/running-server.js';
import { benchAgainst } from './against.js';
import { benchBinding } from './binding.js';
import { benchEngine } from './engine.js';
import { benchLinearAlgebra } from './fit.js';
import { benchStreamsBeside, benchWholeFit } from './fit-model.js';
import { benchHttp } from './http.js';
import { benchLoad } from './load.js';
import { asTable, holds, type Ratio, type Row } from './report.js';
import { benchStreams } from './streams.js';
import { benchTurns } from './turns.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '48' },
    against: { type: 'string' },
    peer: { type: 'string' },
    'peer-model': { type: 'string', default: 'model' },
    json: { type: 'string', default: join(packageRoot, 'bench.json') },
  },
});
const rounds = Number(values.rounds);
const tokens = Number(values.tokens);
const id = 'smollm2-135m-instruct';
const directory = join(packageRoot, 'models', id);
const part = positionals[0] ?? 'all';
if (!['all', 'load', 'serving', 'turns', 'fit'].includes(part))
  throw new Error(`part must be load, serving, turns or fit; received ${part}`);
const settings = { threads: 0, slots: 16, context: 0, prefillChunk: 512, queue: 64 };
const say = (text: string) => process.stderr.write(`${text}\n`);

const rows: Row[] = [];
const ratios: Ratio[] = [];
const keep = (found: { rows: Row[]; ratios?: Ratio[] }) => {
  rows.push(...found.rows);
  ratios.push(...(found.ratios ?? []));
  // A run that is cut short has said what it knew.
  say(asTable(found.rows, found.ratios ?? []));
};

async function serving(): Promise<void> {
  if (values.against === undefined) {
    say('JavaScript binding and C API ...');
    keep(await benchBinding(directory, rounds));
  }

  const data = await temporaryData();
  const store = await ConceptStore.open({
    dataDirectory: data.directory,
    shipped: [join(directory, 'concepts')],
  });
  const model = await loadModel(id, directory, settings);
  const prompt = model.tokenizer.encode(
    'The harbour was quiet that morning. A single boat moved out past the breakwater, its engine a low hum against the tide.',
  );
  const concepts = store.names(id);
  const atHand = await conceptsAtHand(store, id, concepts);
  const edits = Array.from(
    { length: 16 },
    (_, row) =>
      resolveSteering(
        [
          {
            concept: concepts[row % concepts.length] ?? '',
            strength: 0.5 + 0.01 * row,
            scale: 'calibrated',
            operation: 'add',
            layers: 'default',
            positions: 'all',
          },
        ],
        { model: { id, shape: model.engine.shape }, concepts: atHand, promptLength: prompt.length + 1 },
      ).edit,
  );

  if (values.against !== undefined) {
    say('beside another build ...');
    await model.engine.close();
    keep(await benchAgainst(values.against, { model: id, prompt, concepts, tokens }, rounds));
    await data.clean();
    return;
  }

  say('engine ...');
  const engine = await benchEngine(model.engine, prompt, edits, rounds, tokens);
  keep(engine);
  say('sampling, bursts and long prompts ...');
  keep(await benchStreams(model.engine, prompt, rounds, tokens));

  say('HTTP ...');
  // The same prompts come in every round: they are to be read each time.
  const server = await startServerProcess(data.directory, { STEERD_PREFIX_MEMORY: '0' });
  const bench = { server, model: id, prompt, concepts, tokens };
  keep(await benchHttp(bench, rounds));

  // The promise compares two figures: they are measured once more, side by side.
  say('HTTP beside the engine ...');
  const http: number[] = [];
  const raw: number[] = [];
  for (let round = 0; round < 2; round++) {
    http.push((await benchHttp(bench, rounds, [8])).eightStreams);
    raw.push((await benchEngine(model.engine, prompt, edits, rounds, tokens, [8])).eightStreams);
  }
  const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);
  ratios.push({
    what: 'HTTP / raw engine, 8 streams',
    value: sum(http) / sum(raw),
    kind: 'at least',
    bound: 0.9,
  });
  await server.stop();
  await model.engine.close();
  await data.clean();
}

/** Conversations: with and without reuse, steered, with another steering from the fourth turn on, and a peer. */
async function conversations(): Promise<void> {
  const data = await temporaryData();
  const reusing = await startServerProcess(data.directory);
  const cold = await startServerProcess(data.directory, { STEERD_PREFIX_MEMORY: '0' });
  const steered = (concept: string) => ({ concept, strength: 1 });
  const server = (name: string, { url }: { url: string }, more: (turn: number) => object) => ({
    name,
    url,
    model: id,
    more,
  });
  const servers = [
    server('reuse', reusing, () => ({})),
    server('no reuse', cold, () => ({})),
    server('reuse, steered', reusing, () => steered('pirate')),
    server('reuse, steered otherwise from turn 4 on', reusing, (turn) =>
      steered(turn < 3 ? 'pirate' : 'ocean'),
    ),
  ];
  const { peer, 'peer-model': peerModel } = values;
  if (peer !== undefined) servers.push({ name: 'peer', url: peer, model: peerModel, more: () => ({}) });
  try {
    keep(await benchTurns(servers, Math.min(rounds, 3)));
  } finally {
    await reusing.stop();
    await cold.stop();
    await data.clean();
  }
}

/** One round: it takes a minute, and its limits leave room. */
async function fit(): Promise<void> {
  say('linear algebra ...');
  keep(await benchLinearAlgebra(1, ['rfm']));
  say('a whole fit ...');
  const model = await loadModel(id, directory, settings);
  keep(await benchWholeFit(model));
  say('streams beside a fit ...');
  keep(await benchStreamsBeside(model));
  await model.engine.close();
}

const wanted = (name: string) => part === 'all' || part === name;
if (wanted('load')) {
  say('loading ...');
  keep(await benchLoad(directory, rounds));
}
if (wanted('serving')) await serving();
if (wanted('turns')) {
  say('conversations ...');
  await conversations();
}
if (wanted('fit')) await fit();

process.stdout.write(`${asTable(rows, ratios)}\n`);
const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  node: process.version,
  onnxruntime: ortVersion,
};
const report = {
  machine,
  rounds,
  tokens,
  rows,
  ratios: ratios.map((ratio) => ({ ...ratio, holds: holds(ratio) })),
};
await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
say(`figures as JSON: ${values.json}`);
