/**
 * `steerd models`: lists, verifies and removes the models in the models directory; and those of a running server, which loads and
 * unloads them.
 */
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { shownBytes } from '../common/byte-size.js';
import { errors } from '../errors.js';
import { originOf, quantizationOf, verifyModel } from '../models/disk/manifest.js';
import { listModels, listUnfinished, type ModelFolder, removeModel } from '../models/disk/model-folders.js';
import { folderOfModel, isEmbedded, modelPlaces, ownPlace } from '../models/disk/model-places.js';
import type { ModelObject } from '../schemas/models.js';
import { type Api, ApiError, addServer, serverOf, withApi } from './api.js';
import { untilInterrupted } from './interruption.js';
import { sayJson, sayTable, sayWrapped } from './output.js';
import { ProgressLine } from './progress-line.js';
import { addSettings } from './settings-options.js';

interface Flags {
  readonly json?: boolean;
  readonly force?: boolean;
  readonly server?: string;
  readonly local?: boolean;
  readonly modelsDir?: string;
}

export function register(program: Command): void {
  const models = program.command('models').description('models of the models directory, or of a server');

  const show = models
    .command('list', { isDefault: true })
    .alias('ls')
    .description('the models, where they came from and how large they are')
    .option('--json', 'as JSON', false);
  addServer(show);
  const settingsOfList = addSettings(show, ['modelsDirectory']);
  show.action(async (options: Flags) => {
    const settings = settingsOfList({ ...options });
    const { modelsDirectory } = settings;
    const isHere = options.modelsDir !== undefined || options.local === true;
    const server = await serverOf({ ...options, local: isHere }, settings);
    if (server !== null) return withApi({ ...options, server }, settings, (api) => listThere(api, options));
    const places = modelPlaces(modelsDirectory);
    const [found, unfinished] = await Promise.all([
      listAll(places),
      listUnfinished(ownPlace(modelsDirectory)),
    ]);
    if (options.json) {
      const data = found.map(({ name, folder, bytes, manifest }) => ({ name, folder, bytes, manifest }));
      sayJson({ data, unfinished });
      return;
    }
    const rows = [
      ...found.map(rowOf),
      ...unfinished.map(({ name, bytes }) => [name, shownBytes(bytes), '-', 'unfinished: pull it again']),
    ];
    if (rows.length === 0)
      sayWrapped('There is no model: steerd pull OWNER/NAME brings one.', process.stderr);
    else sayTable(headings, rows);
    sayWrapped(`in ${places.join(', ')}`, process.stderr);
  });

  const change = (what: 'load' | 'unload', description: string) => {
    const command = models.command(what).description(description).argument('<name>', 'as in models list');
    if (what === 'unload') command.option('--force', 'also while it is in use: what runs on it fails', false);
    command
      .addOption(new Option('--server <url>', 'the server to ask (default: the one on the configured port)'))
      .option('--json', 'as JSON', false);
    const settingsOf = addSettings(command, []);
    command.action(async (name: string, { force, ...options }: Flags) => {
      const settings = settingsOf(options);
      const server = await serverOf(options, settings);
      if (server === null) throw new ApiError('no server answers; start one with steerd serve', 3);
      const path = `/v1/models/${encodeURIComponent(name)}/${what}`;
      const body = what === 'unload' ? { body: { force: force === true } } : {};
      const model = await withApi({ ...options, server }, settings, (api) =>
        api.json<ModelObject>(path, { method: 'POST', ...body }),
      );
      if (options.json) sayJson(model);
      else sayWrapped(`${model.id} is ${model.state}`);
    });
  };
  change('load', 'have the server load a model before anybody asks for it');
  change('unload', 'have the server give back what a model takes');

  const remove = models
    .command('remove')
    .alias('rm')
    .description(
      'remove a model, or what an unfinished pull of it left; its concepts stay in the data directory',
    )
    .argument('<name>', 'as in models list')
    .option('--force', 'also a model that was not pulled', false)
    .option('--json', 'as JSON', false);
  const settingsOfRemove = addSettings(remove, ['modelsDirectory']);
  remove.action(async (name: string, options: Flags) => {
    const { modelsDirectory } = settingsOfRemove({ ...options });
    const place = dirname(await folderOfModel(modelsDirectory, name));
    const bytes = await removeModel(place, name, options.force === true);
    if (options.json) sayJson({ name, bytes });
    else sayWrapped(`${name} is removed: ${shownBytes(bytes)}`);
  });

  const verify = models
    .command('verify')
    .description('compare every file with what was pulled or built; exit code 1 when one differs')
    .argument('[names...]', 'as in models list; all of them when left out')
    .option('--json', 'as JSON', false);
  const settingsOfVerify = addSettings(verify, ['modelsDirectory']);
  verify.action(async (names: readonly string[], options: Flags) => {
    const { modelsDirectory } = settingsOfVerify({ ...options });
    const known = await listAll(modelPlaces(modelsDirectory));
    const wanted = names.length === 0 ? known : names.map((name) => named(known, name));
    const results = await untilInterrupted((signal) => verifyAll(wanted, signal));
    if (options.json) sayJson({ data: results });
    else for (const result of results) for (const line of sentences(result)) sayWrapped(line);
    // A model that was not pulled cannot be verified; that is a failure only if it was asked for by name.
    const bad = results.some(({ state }) => state === 'wrong' || (state === 'unknown' && names.length > 0));
    if (bad) process.exitCode = 1;
  });
}

async function listThere(api: Api, { json }: Flags): Promise<void> {
  const { data } = await api.json<{ readonly data: readonly ModelObject[] }>('/v1/models');
  if (json) return sayJson({ object: 'list', data });
  sayTable(
    ['NAME', 'STATE', 'DEVICE', 'WEIGHTS', 'CONTEXT', 'CONCEPTS', 'PROBLEM'],
    data.map((model) => [
      model.id,
      model.state,
      model.device ?? '-',
      model.size === null ? '-' : shownBytes(model.size.weights),
      model.max_model_len === null ? '-' : String(model.max_model_len),
      String(model.concepts),
      model.problem ?? '-',
    ]),
  );
  sayWrapped(`on ${api.where}; those on the disk: steerd models list --local`, process.stderr);
}

/** Of two models of one name the first is meant. */
async function listAll(places: readonly string[]): Promise<ModelFolder[]> {
  const found = (await Promise.all(places.map(listModels))).flat();
  return found.filter(({ name }, i) => found.findIndex((other) => other.name === name) === i);
}

const headings = ['NAME', 'SIZE', 'QUANTIZATION', 'FROM'];

function rowOf({ name, folder, bytes, manifest }: ModelFolder): string[] {
  const from =
    manifest === null ? (isEmbedded(folder) ? 'comes with steerd' : 'not pulled') : originOf(manifest);
  return [name, shownBytes(bytes), (manifest && quantizationOf(manifest)) ?? '-', from];
}

function named(known: readonly ModelFolder[], name: string): ModelFolder {
  const found = known.find((model) => model.name === name);
  if (found !== undefined) return found;
  throw errors.modelNotFound(
    name,
    known.map((model) => model.name),
  );
}

async function verifyAll(models: readonly ModelFolder[], signal: AbortSignal) {
  const progress = new ProgressLine();
  try {
    const results = [];
    for (const { name, folder } of models) {
      const onFile = (path: string) => progress.update(`reading ${name}`, path);
      results.push({ name, ...(await verifyModel(folder, onFile, signal)) });
    }
    return results;
  } finally {
    progress.clear();
  }
}

function sentences({ name, state, faults, extra }: Awaited<ReturnType<typeof verifyAll>>[number]): string[] {
  const more = extra.length === 0 ? '' : ` (put beside it by other means: ${extra.join(', ')})`;
  if (state === 'unknown') return [`${name}: not pulled, so there is nothing to compare it with`];
  if (state === 'right') return [`${name}: right${more}`];
  const cure = `  steerd models remove ${name} and a new pull or import bring it back`;
  return [`${name}: wrong${more}`, ...faults.map((fault) => `  ${fault}`), cure];
}
