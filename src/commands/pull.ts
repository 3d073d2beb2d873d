/**
 * `steerd pull`: brings a model from a hub; the server that answers does it, into its models directory, else this process. Whoever
 * names a directory or a hub means this process.
 */
import { type Command, Option } from 'commander';
import { shownBytes } from '../common/byte-size.js';
import { errors } from '../errors.js';
import { quantizationNames, toQuantization } from '../hub/file-choice.js';
import { openHub } from '../hub/open-hub.js';
import { parseRepository } from '../hub/repository.js';
import { originOf } from '../models/disk/manifest.js';
import { ownPlace } from '../models/disk/model-places.js';
import { graphBuilder } from '../models/import/graph-builder.js';
import { type Pulled, type PullPlan, pullModel } from '../models/pull/pull.js';
import { type Precision, precisions } from '../schemas/imports.js';
import { type Api, addServer, serverOf, withApi } from './api.js';
import { DownloadProgress } from './download-progress.js';
import { untilInterrupted } from './interruption.js';
import { helpText, sayJson, sayWrapped } from './output.js';
import { pullOverApi } from './pull-over-api.js';
import { addSettings } from './settings-options.js';

interface PullCommandOptions {
  readonly quantization?: string;
  readonly file?: string;
  readonly precision?: Precision;
  readonly name?: string;
  readonly json?: boolean;
  readonly modelsDir?: string;
  readonly hub?: string;
  readonly server?: string;
  readonly local?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('pull')
    .description('bring a model from a hub into the models directory')
    .argument(
      '<id>',
      'owner/name on the hub, :Q4_K_M or the like for one of its GGUF files, and @revision if it is not to be the newest',
    )
    .addOption(
      new Option(
        '--quantization <name>',
        `of ${quantizationNames.join(', ')}; the best for the CPU when left out`,
      ),
    )
    .addOption(
      new Option(
        '--precision <name>',
        'build the graph from safetensors, whatever exports there are; int8 where there is none',
      ).choices([...precisions]),
    )
    .option(
      '--file <path>',
      'the ONNX graph to take, or the GGUF file to build from, by its path in the repository',
    )
    .option('--name <id>', "what requests call it, and its folder; the repository's own name when left out")
    .option('--json', 'the manifest, or the server’s job, instead of a sentence', false);
  addServer(command);
  const settingsOf = addSettings(command, ['modelsDirectory', 'hubEndpoint']);
  command.addHelpText(
    'after',
    helpText(
      '\nA pull that was broken off goes on where it stopped when it is started again. HF_TOKEN opens gated and private models.\nAfterwards: steerd serve --model <name>',
    ),
  );
  command.action(async (id: string, options: PullCommandOptions) => {
    const settings = settingsOf({ ...options });
    const { modelsDirectory, hubEndpoint } = settings;
    const quantization = quantizationOf(options.quantization);
    const request = {
      ...parseRepository(id),
      quantization,
      file: options.file,
      name: options.name,
      precision: options.precision,
    };
    const progress = new DownloadProgress(id);
    const isHere = options.modelsDir !== undefined || options.hub !== undefined;
    const server = await serverOf({ ...options, local: isHere || options.local === true }, settings);
    if (server !== null) {
      const { repository: model, ...rest } = request;
      const asked = { ...options, server };
      const pull = (api: Api) =>
        pullOverApi(api, { model, ...rest, quantization: options.quantization }, progress);
      const job = await withApi(asked, settings, pull).finally(() => progress.clear());
      if (options.json) sayJson(job);
      else sayWrapped(`pulled ${job.name} (${job.model}@${job.commit?.slice(0, 12)}) on ${server}`);
      return;
    }
    const hub = openHub({ hubEndpoint }, (reason, seconds) =>
      progress.say(`${reason}; again in ${seconds.toFixed(1)} s`),
    );
    try {
      const pulled = await untilInterrupted((signal) =>
        pullModel(request, {
          hub,
          builder: graphBuilder,
          modelsDirectory: ownPlace(modelsDirectory),
          signal,
          onPlan: (plan) => progress.say(planned(plan, options)),
          onProgress: (step) => progress.update(step),
        }),
      );
      progress.clear();
      if (options.json) sayJson(pulled.manifest);
      else sayWrapped(said(pulled, options.modelsDir));
    } catch (error) {
      progress.clear();
      throw error;
    }
  });
}

/** @throws SteerdError invalid_value for an unknown name */
function quantizationOf(name: string | undefined) {
  if (name === undefined) return undefined;
  const known = toQuantization(name);
  if (known === undefined) {
    throw errors.invalidValue('--quantization', `one of ${quantizationNames.join(', ')}`, name);
  }
  return known;
}

/** A sentence that tells which graph is pulled, and which other quantisations there are. */
function planned({ commit, choice, precision, source, because }: PullPlan, wish: PullCommandOptions): string {
  if (choice === null)
    return `${because === undefined ? '' : `${because}\n`}commit ${commit.slice(0, 12)}: built from ${source} as ${precision}`;
  const { graph, others } = choice;
  const asked = wish.file !== undefined || wish.quantization !== undefined;
  const named = others.flatMap(({ quantization }) => (quantization === null ? [] : [quantization]));
  const rest = [...new Set(named)].filter((name) => name !== graph.quantization);
  return [
    `commit ${commit.slice(0, 12)}: ${graph.path} (${graph.quantization ?? 'quantisation not told by its name'})`,
    ...(asked || rest.length === 0
      ? []
      : [`, chosen for the CPU; --quantization takes also ${rest.join(', ')}`]),
  ].join('');
}

/** @param modelsDirectory the flag given to this command, which `steerd serve` needs as well */
function said({ name, folder, manifest, fresh }: Pulled, modelsDirectory: string | undefined): string {
  const where = modelsDirectory === undefined ? '' : ` --models-dir ${modelsDirectory}`;
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  const what = `${originOf(manifest)}, ${shownBytes(bytes)}`;
  return `${fresh ? 'pulled' : 'already there:'} ${name} (${what}) in ${folder}\nserve it: steerd serve${where} --model ${name}`;
}
