/**
 * `steerd fit`: fits concepts. One by name is fitted by the server that answers, else in this process into the data
 * directory, where POST /v1/fits would put it too; a list goes to a folder of files, which is how the concepts shipped with a model are made.
 */
import { join } from 'node:path';
import type { Command } from 'commander';
import { makeFolderDurably, writeDurably } from '../common/durable-file.js';
import { createLog } from '../common/log.js';
import type { Concept } from '../concepts/concept.js';
import { encodeConcept } from '../concepts/concept-file.js';
import { conceptExtension } from '../concepts/concept-folder.js';
import { ConceptStore } from '../concepts/concept-store.js';
import type { Settings } from '../config.js';
import { fitPlan } from '../fitting/fit-plan.js';
import { conceptWarnings } from '../fitting/measure/calibration-warnings.js';
import { folderOfModel } from '../models/disk/model-places.js';
import type { LoadedModel } from '../models/model.js';
import {
  auto,
  conceptClassNames,
  contrastKinds,
  defaultProfile,
  exampleSetNames,
  methodChoices,
  profileNames,
  recipeChoices,
} from '../schemas/fit-choices.js';
import type { FitEvent, FitJob } from '../schemas/fit-jobs.js';
import { FitRequest } from '../schemas/fits.js';
import { validated } from '../schemas/validation.js';
import { type Api, addApi, serverOf, withApi } from './api.js';
import { readFitList } from './fit-list.js';
import { Interrupted } from './interruption.js';
import { type JobKind, jobOverApi } from './job-over-api.js';
import { say, sayJson, sayWrapped } from './output.js';
import { ProgressLine } from './progress-line.js';

interface FitOptions {
  readonly prefix?: string;
  readonly class?: string;
  readonly subject?: string;
  readonly recipe?: string;
  readonly method?: string;
  readonly examples?: string;
  readonly seed?: string;
  readonly maxTokens?: string;
  readonly contrast?: string;
  readonly others?: readonly string[];
  readonly opposite?: string;
  readonly bareShare?: string;
  readonly texts?: string;
  readonly profile?: string;
  readonly calibrate: boolean;
  readonly list?: string;
  readonly out?: string;
  readonly server?: string;
  readonly local?: boolean;
  readonly json?: boolean;
  readonly model?: string;
}

export function register(program: Command): void {
  const command: Command = program
    .command('fit')
    .description('fit a concept on the running server or in this process, or a list of them into files')
    .argument(
      '[name]',
      'name of the concept; with --prefix, --class and --subject, --subject, or --recipe examples and --examples',
    )
    .option('--prefix <text>', 'what states the concept to the model: "You are a pirate. ..."')
    .option('--class <name>', `states the concept with --subject: ${conceptClassNames.join(', ')}`)
    .option('--subject <text>', 'what the concept is about: "spiders" of fears, or "the ocean"')
    .option('--recipe <name>', `${recipeChoices.join(', ')} (default: ${auto}, the best of several)`)
    .option('--method <name>', `${methodChoices.join(', ')} (default: the recipe's own)`)
    .option('--contrast <kind>', `what the negative side states: ${contrastKinds.join(', ')}`)
    .option('--others <text...>', 'subjects or messages to tell the concept apart from; own ones are shipped')
    .option('--opposite <text>', 'the one subject or message to tell it apart from, with --contrast opposite')
    .option('--bare-share <number>', 'share of the negatives that state nothing, from 0 to 1')
    .option('--texts <number>', 'texts of each side that recipe texts has written (default: 32)')
    .option(
      '--profile <name>',
      `how layers compare: ${profileNames.join(', ')} (default: ${defaultProfile}, or the best where recipe or method is ${auto})`,
    )
    .option('--examples <set>', `for recipe examples, pairs that ship: ${exampleSetNames.join(', ')}`)
    .option('--seed <number>', 'seed of whatever the fit draws (default: 0)')
    .option('--max-tokens <number>', "tokens of each answer that the fit reads (default: the recipe's own)")
    .option('--no-calibrate', 'leaves it to a rule what strength 1 means, instead of measuring it')
    .option('--list <file>', 'fit every entry of a JSON list of {"name", "prefix", ...}; with --out')
    .option('--out <folder>', 'where the concepts of a list go, as <name>.safetensors');
  const settingsOf = addApi(command);
  command.action(async (name: string | undefined, options: FitOptions) => {
    const { list, out } = options;
    const fields = requestFields(options);
    const settings = settingsOf({ ...options });
    if (list === undefined) {
      const stated = ['prefix', 'class', 'subject', 'examples'].some((field) => fields[field] !== undefined);
      if (name === undefined || !stated || out !== undefined) {
        command.error(
          'error: give a name and --prefix (or --class and --subject, --subject, or --examples), or --list and --out',
        );
      }
      const request = validated(FitRequest, { name, ...fields });
      const url = await serverOf(options, settings);
      if (url === null) return fitIntoStore(request, settings, options);
      // What was typed: a server fills in what is left out by itself.
      const job = await withApi({ ...options, server: url }, settings, (api) =>
        fitOverApi(api, { name, ...fields, ...api.named }),
      );
      reportJob(job, url, options);
    } else {
      if (out === undefined || name !== undefined || Object.keys(fields).length > 0) {
        command.error('error: --list goes with --out, and its entries say everything else');
      }
      await fitIntoFolder(await readFitList(list, settings.model), out, settings);
    }
  });
}

/** The options that are fields of a fit's request, as it calls them. */
function requestFields(options: FitOptions): Record<string, unknown> {
  const { prefix, subject, recipe, method, examples, seed, maxTokens, contrast, others, opposite, profile } =
    options;
  const fields = {
    prefix,
    class: options.class,
    subject,
    recipe,
    method,
    examples,
    seed: numeric(seed),
    max_tokens: numeric(maxTokens),
    contrast,
    others,
    opposite,
    bare_share: numeric(options.bareShare),
    texts: numeric(options.texts),
    profile,
    // The flag's absence says nothing.
    calibrate: options.calibrate ? undefined : false,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What is no number stays as it is: the schema names it in its error. */
const numeric = (value: string | undefined) =>
  value !== undefined && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;

const fits: JobKind = {
  start: '/v1/fits',
  jobs: '/v1/fits',
  cancel: (job) => [`${job}/cancel`, { method: 'POST' }],
  name: 'fit',
};

async function fitOverApi(api: Api, request: { readonly name: string }): Promise<FitJob> {
  const progress = new ProgressLine();
  try {
    return await jobOverApi<FitJob, FitEvent>(api, fits, request, (event) => {
      if (event.type !== 'progress') return;
      const { stage, done, total } = event.data;
      progress.update(`${request.name}: ${stage}`, `${done} of ${total}`);
    });
  } finally {
    progress.clear();
  }
}

async function fitIntoStore(request: FitRequest, settings: Settings, { json }: FitOptions): Promise<void> {
  // First of all: what another server has, or what cannot be written to, is known before the model is loaded.
  const { lockDataDirectory } = await import('../server/data-lock.js');
  const unlock = await lockDataDirectory(settings.dataDirectory, createLog('error'));
  try {
    const store = await ConceptStore.open({ dataDirectory: settings.dataDirectory, shipped: [] });
    await withModel(settings, async (fit) => {
      const { concept, seconds } = await fit(request, request.name);
      await store.put(concept);
      if (json) {
        const { name, model, version, record } = concept;
        const { recipe, method } = record;
        sayJson({ name, model, version, recipe, method, seconds, warnings: conceptWarnings(concept) });
      } else report(concept, seconds, `for model ${concept.model} in ${settings.dataDirectory}`);
    });
  } finally {
    await unlock();
  }
}

async function fitIntoFolder(list: readonly FitRequest[], folder: string, settings: Settings): Promise<void> {
  await makeFolderDurably(folder);
  await withModel(settings, async (fit) => {
    for (const [index, request] of list.entries()) {
      const { concept, seconds } = await fit(request, `${request.name} (${index + 1} of ${list.length})`);
      const file = `${concept.name}${conceptExtension}`;
      await writeDurably(folder, file, encodeConcept(concept));
      report(concept, seconds, join(folder, file));
    }
  });
}

type Fit = (request: FitRequest, title: string) => Promise<{ concept: Concept; seconds: number }>;

/** Loads the model for `work` and closes it whatever happens; the first Ctrl-C cancels the fit. */
async function withModel(settings: Settings, work: (fit: Fit) => Promise<void>): Promise<void> {
  const progress = new ProgressLine();
  const controller = new AbortController();
  const onInterrupt = () =>
    controller.abort(new Interrupted(130, 'interrupted: nothing of this fit was kept'));
  process.once('SIGINT', onInterrupt);
  let model: LoadedModel | undefined;
  try {
    progress.update(`loading ${settings.model}`);
    const { loadModel } = await import('../models/serve/load.js');
    const folder = await folderOfModel(settings.modelsDirectory, settings.model);
    model = await loadModel(settings.model, folder, settings);
    await work(fitter(model, progress, controller.signal));
  } finally {
    progress.clear();
    process.removeListener('SIGINT', onInterrupt);
    await model?.engine.close();
  }
}

function fitter(model: LoadedModel, progress: ProgressLine, signal: AbortSignal): Fit {
  return async (request, title) => {
    const { fitBest } = await import('../fitting/fit-best.js');
    const started = performance.now();
    const concept = await fitBest(fitPlan(request), model, signal, (stage, done, total) =>
      progress.update(`${title}: ${stage}`, `${done} of ${total}`),
    );
    signal.throwIfAborted();
    progress.clear();
    return { concept, seconds: (performance.now() - started) / 1000 };
  };
}

function reportJob(job: FitJob, url: string, { json }: FitOptions): void {
  if (json) {
    sayJson(job);
    return;
  }
  const seconds = (job.finished_at ?? 0) - (job.started_at ?? 0);
  const version = job.concept?.version.slice(0, 12) ?? '';
  say(`${job.name}  ${version}  ${seconds} s  for model ${job.model} on ${url}`);
  for (const warning of job.warnings) sayWrapped(`warning: ${warning}`, process.stderr);
}

function report(concept: Concept, seconds: number, where: string): void {
  const { name, version } = concept;
  process.stdout.write(`${name}  ${version.slice(0, 12)}  ${seconds.toFixed(1)} s  ${where}\n`);
  const { recipe, method, details } = concept.record;
  if (details.auto !== undefined)
    process.stdout.write(`  the best was recipe ${recipe}, method ${method}, profile ${details.profile}\n`);
  for (const warning of conceptWarnings(concept)) process.stderr.write(`  warning: ${warning}\n`);
}
