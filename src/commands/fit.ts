/**
 * `steerd fit`: fits concepts. One by name is fitted by the server that answers, else in this process into the data
 * directory, where POST /v1/fits would put it too, and so is a list; with a folder named a list becomes files there, which is how the
 * concepts shipped with a model are made.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { makeFolderDurably, writeDurably } from '../common/durable-file.js';
import type { Concept } from '../concepts/concept.js';
import { decodeConcept, encodeConcept } from '../concepts/concept-file.js';
import { conceptExtension } from '../concepts/concept-folder.js';
import type { Settings } from '../config.js';
import { fitPlan } from '../fitting/fit-plan.js';
import { conceptWarnings } from '../fitting/measure/calibration-warnings.js';
import { folderOfModel } from '../models/disk/model-places.js';
import type { LoadedModel } from '../models/model.js';
import type { ConceptObject } from '../schemas/concepts.js';
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
import type { FitJob } from '../schemas/fit-jobs.js';
import { FitRequest } from '../schemas/fits.js';
import { validated } from '../schemas/validation.js';
import { type Api, ApiError, addApi, withApi } from './api.js';
import { examplesSaid } from './example-file.js';
import { FitJournal } from './fit-journal.js';
import { type ListedFit, readFitList } from './fit-list.js';
import { type Done, fitList } from './fit-list-run.js';
import { fitOverApi } from './fit-over-api.js';
import { untilInterrupted } from './interruption.js';
import { sayJson, sayWrapped } from './output.js';
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
  readonly again?: boolean;
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
    .option(
      '--examples <pairs>',
      `pairs with the concept and without: a file, as CSV, JSON or JSON lines with "positive" and "negative"; or a set that ships: ${exampleSetNames.join(', ')}`,
    )
    .option('--seed <number>', 'seed of whatever the fit draws (default: 0)')
    .option('--max-tokens <number>', "tokens of each answer that the fit reads (default: the recipe's own)")
    .option('--no-calibrate', 'leaves it to a rule what strength 1 means, instead of measuring it')
    .option(
      '--list <file>',
      'fit every entry of a list of {"name", "prefix", ...}: JSON, JSON lines, or CSV with these columns; other options are for entries that do not say them. The same command goes on after an interruption',
    )
    .option(
      '--out <folder>',
      'with --list: files <name>.safetensors there, instead of concepts where the server finds them',
    )
    .option('--again', 'with --list: fit also what an interrupted run has done', false);
  const settingsOf = addApi(command);
  command.action(async (name: string | undefined, options: FitOptions) => {
    const { list, out } = options;
    const fields = await requestFields(options);
    const settings = settingsOf({ ...options });
    if (list === undefined) {
      const stated = ['prefix', 'class', 'subject', 'examples'].some((field) => fields[field] !== undefined);
      if (name === undefined || !stated || out !== undefined) {
        command.error(
          'error: give a name and --prefix (or --class and --subject, --subject, or --examples), or --list',
        );
      }
      // Known before anything is opened.
      validated(FitRequest, { name, ...fields });
      // What was typed: a server fills in what is left out by itself.
      await withApi(options, settings, async (api) => {
        const where = api.where === null ? `in ${settings.dataDirectory}` : `on ${api.where}`;
        const job = await fitOverApi(api, { name, ...fields, ...api.named });
        if (options.json) return sayJson(job);
        const path = api.concepts(`/${encodeURIComponent(job.name)}`, { model: job.model });
        report(job, await api.json<ConceptObject>(path), where);
      });
    } else {
      if (name !== undefined) command.error('error: --list goes without a name: its entries have them');
      if (out === undefined) await fitListIntoStore(list, fields, settings, options);
      else await fitListIntoFolder(list, fields, out, settings, options);
    }
  });
}

/** The options that are fields of a fit's request, as it calls them. */
async function requestFields(options: FitOptions): Promise<Record<string, unknown>> {
  const { prefix, subject, recipe, method, examples, seed, maxTokens, contrast, others, opposite, profile } =
    options;
  const fields = {
    prefix,
    class: options.class,
    subject,
    recipe,
    method,
    examples: examples === undefined ? undefined : await examplesSaid(examples),
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

/** To a running server or, without one, to the application inside this process: both keep concepts in the same place. */
async function fitListIntoStore(
  file: string,
  defaults: Record<string, unknown>,
  settings: Settings,
  options: FitOptions,
): Promise<void> {
  // Known before anything is opened.
  const list = await readFitList(file, { defaults });
  const { dataDirectory } = settings;
  await withApi(
    options,
    settings,
    async (api) => {
      const place = { folder: null, dataDirectory, list: file, where: api.where };
      const fitter = {
        fit: async (
          { fields }: ListedFit,
          title: string,
          job: string | undefined,
          onJob: (id: string) => Promise<void>,
        ) => doneOf(await fitOverApi(api, { ...api.named, ...fields }, { title, job, onJob }), api),
        versionOf: ({ request }: ListedFit) => storedVersion(api, request),
      };
      await fitList(list, fitter, await FitJournal.open(place, options), options);
    },
    'model',
    'stopped; the same command goes on with the fit where this one was',
  );
}

function doneOf({ concept, started_at, finished_at, warnings, model }: FitJob, { where }: Api): Done {
  return {
    version: concept?.version ?? '',
    seconds: (finished_at ?? 0) - (started_at ?? 0),
    warnings,
    where: `for model ${model}${where === null ? '' : ` on ${where}`}`,
  };
}

async function storedVersion(api: Api, { name, model }: FitRequest): Promise<string | null> {
  const of = model === undefined ? {} : { model };
  try {
    const path = api.concepts(`/${encodeURIComponent(name)}`, of);
    return (await api.json<{ version: string }>(path)).version;
  } catch (error) {
    if (error instanceof ApiError && error.exitCode === 2) return null;
    throw error;
  }
}

async function fitListIntoFolder(
  file: string,
  defaults: Record<string, unknown>,
  folder: string,
  settings: Settings,
  options: FitOptions,
): Promise<void> {
  const { model, dataDirectory } = settings;
  const list = await readFitList(file, { defaults, model, asFiles: true });
  await makeFolderDurably(folder);
  const journal = await FitJournal.open({ folder, dataDirectory, list: file, where: null }, options);
  const fileOf = ({ request }: ListedFit) => `${request.name}${conceptExtension}`;
  const stopped = 'stopped; the same command goes on with the fit where this one was';
  await withModel(settings, stopped, async (fit) => {
    const fitter = {
      fit: async (one: ListedFit, title: string): Promise<Done> => {
        const { concept, seconds } = await fit(one.request, title);
        await writeDurably(folder, fileOf(one), encodeConcept(concept));
        const where = `${join(folder, fileOf(one))}${bestOf(concept.record)}`;
        return { version: concept.version, seconds, warnings: conceptWarnings(concept), where };
      },
      versionOf: (one: ListedFit) =>
        readFile(join(folder, fileOf(one))).then(
          (bytes) => decodeConcept(bytes).version,
          () => null,
        ),
    };
    await fitList(list, fitter, journal, options);
  });
}

type Fit = (request: FitRequest, title: string) => Promise<{ concept: Concept; seconds: number }>;

/** Loads the model for `work` and closes it whatever happens; the first Ctrl-C or SIGTERM cancels the fit. */
const withModel = (settings: Settings, stopped: string, work: (fit: Fit) => Promise<void>): Promise<void> =>
  untilInterrupted(async (signal) => {
    const progress = new ProgressLine();
    let model: LoadedModel | undefined;
    try {
      progress.update(`loading ${settings.model}`);
      const { loadModel } = await import('../models/serve/load.js');
      const folder = await folderOfModel(settings.modelsDirectory, settings.model);
      model = await loadModel(settings.model, folder, settings);
      await work(fitter(model, progress, signal));
    } finally {
      progress.clear();
      await model?.engine.close();
    }
  }, stopped);

function fitter(model: LoadedModel, progress: ProgressLine, signal: AbortSignal): Fit {
  return async (request, title) => {
    const { fitBest } = await import('../fitting/fit-best.js');
    const started = performance.now();
    const concept = await fitBest(fitPlan(request), model, signal, (stage, done, total) =>
      progress.update(`${title}: ${stage}`, `${done} of ${total}`, total === 0 ? 0 : done / total),
    );
    signal.throwIfAborted();
    progress.clear();
    return { concept, seconds: (performance.now() - started) / 1000 };
  };
}

function report(job: FitJob, concept: ConceptObject, where: string): void {
  const seconds = (job.finished_at ?? 0) - (job.started_at ?? 0);
  const version = job.concept?.version.slice(0, 12) ?? '';
  sayWrapped(`${job.name}  ${version}  ${seconds} s  for model ${job.model} ${where}${bestOf(concept)}`);
  for (const warning of job.warnings) sayWrapped(`warning: ${warning}`, process.stderr);
}

/** What was the best, on a line of its own, where several were tried. */
function bestOf({ recipe, method, details }: Pick<ConceptObject, 'recipe' | 'method' | 'details'>): string {
  if (details.auto === undefined) return '';
  return `\n  the best was recipe ${recipe}, method ${method}, profile ${details.profile}`;
}
