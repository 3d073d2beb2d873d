/** `steerd import`: builds a model from a checkpoint on the disk, GGUF or safetensors, into the models directory, or on a server that it is sent to. */
import { type Command, Option } from 'commander';
import { shownBytes } from '../common/byte-size.js';
import { ownPlace } from '../models/disk/model-places.js';
import { graphBuilder } from '../models/import/graph-builder.js';
import { defaultPrecision, type Imported, type ImportPlan, importModel } from '../models/import/import.js';
import { type Precision, precisions } from '../schemas/imports.js';
import { type Api, withApi } from './api.js';
import { DownloadProgress } from './download-progress.js';
import { importOverApi } from './import-over-api.js';
import { untilInterrupted } from './interruption.js';
import { helpText, sayJson, sayWrapped } from './output.js';
import { addSettings } from './settings-options.js';

interface ImportCommandOptions {
  readonly precision: Precision;
  readonly name?: string;
  readonly json?: boolean;
  readonly modelsDir?: string;
  readonly server?: string;
}

export function register(program: Command): void {
  const command = program
    .command('import')
    .description('build a model from a checkpoint on the disk: a GGUF file, or a folder of safetensors')
    .argument('<path>', 'the .gguf file, or the folder with config.json and .safetensors files')
    .addOption(
      new Option(
        '--precision <name>',
        'int8 costs next to nothing; int4 is half as large, and worse; fp16 and fp32 are exact and slow on a CPU',
      )
        .choices([...precisions])
        .default(defaultPrecision),
    )
    .option('--name <id>', "what requests call it, and its folder; the checkpoint's own name when left out")
    .option('--server <url>', 'send the checkpoint to this server, and build the model there')
    .option('--json', 'the manifest, or the server’s job, instead of a sentence', false);
  const settingsOf = addSettings(command, ['modelsDirectory']);
  command.addHelpText(
    'after',
    helpText(
      '\nA server takes what is sent to it where its STEERD_UPLOAD_LIMIT allows it; its key is read from STEERD_API_KEY.\nCtrl-C leaves nothing behind; a build that was killed is gone on with when it is started again.\nAfterwards: steerd serve --model <name>',
    ),
  );
  command.action(async (path: string, options: ImportCommandOptions) => {
    const settings = settingsOf({ ...options });
    const { modelsDirectory } = settings;
    const { precision, name, server } = options;
    const progress = new DownloadProgress(path);
    if (server !== undefined) {
      const send = (api: Api) => importOverApi(api, { path, precision, name }, progress);
      const ended = withApi({ server }, settings, send, 'nothing', 'stopped; nothing is left of it');
      const job = await ended.finally(() => progress.clear());
      if (options.json) sayJson(job);
      else sayWrapped(`built ${job.name} (${job.architecture}, ${job.precision}) on ${server}`);
      return;
    }
    try {
      const imported = await untilInterrupted(
        (signal) =>
          importModel(
            { path, precision, name },
            {
              builder: graphBuilder,
              modelsDirectory: ownPlace(modelsDirectory),
              signal,
              onPlan: (plan) => progress.say(planned(plan)),
              onProgress: (step) => progress.update(step),
            },
          ),
        'stopped; nothing is left of it',
      );
      progress.clear();
      if (options.json) sayJson(imported.manifest);
      else sayWrapped(said(imported, options.modelsDir));
    } catch (error) {
      progress.clear();
      throw error;
    }
  });
}

const planned = ({ architecture, format, precision, from, to }: ImportPlan): string =>
  `${architecture} (${format}, ${shownBytes(from)}) as ${precision}: about ${shownBytes(to)}`;

/** @param modelsDirectory the flag given to this command, which `steerd serve` needs as well */
function said({ name, folder, manifest }: Imported, modelsDirectory: string | undefined): string {
  const where = modelsDirectory === undefined ? '' : ` --models-dir ${modelsDirectory}`;
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  return `built ${name} (${manifest.architecture}, ${manifest.precision}, ${shownBytes(bytes)}) in ${folder}\nserve it: steerd serve${where} --model ${name}`;
}
