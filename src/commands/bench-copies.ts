/**
 * The application several times in this process, for a run of the benchmark that asks no server. A small model keeps no
 * processor of several busy: most of what one run of its graph takes is between its operators. Several copies with a share of the
 * cores each do; larger models are read by one with all of them.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lockRun } from '../benchmark/run-lock.js';
import { machineMemory } from '../common/machine-memory.js';
import { chooseThreads } from '../common/threads.js';
import type { Settings } from '../config.js';
import { errors } from '../errors.js';
import { folderBytes } from '../models/disk/model-folders.js';
import { folderOfModel } from '../models/disk/model-places.js';
import type { ModelObject } from '../schemas/models.js';
import { Api, serverOf, withApi } from './api.js';
import type { BenchOptions } from './bench-options.js';
import { countOf } from './steering-options.js';

/** Unless more are asked for. */
const most = 4;
const mostAsked = 64;
/** Bytes of files up to which a model counts as small. */
const small = 512 * 2 ** 20;
/** What a copy takes beside its weights, about. */
const beside = 384 * 2 ** 20;

/**
 * Runs `work` with the server that the options mean, or with copies of the application.
 * @param folder of the run: copies but the first keep their concepts below it, so that a run that goes on finds them
 * @throws what `withApi` throws
 */
export async function withCopies<T>(
  options: BenchOptions,
  settings: Settings,
  folder: string,
  work: (api: Api, others: readonly Api[]) => Promise<T>,
  stopped: string,
): Promise<T> {
  const url = await serverOf(options, settings);
  if (url !== null) {
    if (options.copies !== undefined)
      throw errors.invalidValue('--copies', `left out, for the server at ${url} is asked`, options.copies);
    return withApi({ ...options, server: url }, settings, (api) => work(api, []), 'model', stopped);
  }
  const copies = await copiesOf(options, settings);
  const threads =
    copies === 1 ? settings.threads : Math.max(1, Math.floor(chooseThreads(settings.threads) / copies));
  // A calibration of a large model takes longer than a client's request may, and there is no client.
  const own = { ...settings, threads, requestSeconds: longestRequest };
  const result = await withApi(
    { ...options, local: true },
    own,
    async (api) => {
      const opened = [];
      try {
        const { ownApplication } = await import('./own-application.js');
        // What `auto` found is known now.
        const wanted = (await isOnCpu(api)) ? copies : 1;
        while (opened.length < wanted - 1) {
          api.signal.throwIfAborted();
          const dataDirectory = join(folder, copiesFolder, String(opened.length + 1));
          opened.push(await ownApplication({ ...own, dataDirectory }, 'model'));
        }
        return await work(
          api,
          opened.map(({ send }) => new Api(null, api.named, api.signal, send)),
        );
      } finally {
        await Promise.all(opened.map((one) => one.close()));
      }
    },
    'model',
    stopped,
  );
  if (copies > 1) await forgetCopies(folder);
  return result;
}

/** What copies kept of a run that ended, once they are closed; not under somebody who begins with the folder now. */
async function forgetCopies(folder: string): Promise<void> {
  const lock = await lockRun(folder).catch(() => null);
  if (lock === null) return;
  await rm(join(folder, copiesFolder), { recursive: true, force: true }).catch(() => {});
  await lock.release();
}

/** Whether the model that is asked runs there: copies would share a GPU. */
async function isOnCpu(api: Api): Promise<boolean> {
  const { device } = await api.json<ModelObject>(`/v1/models/${encodeURIComponent(await api.model())}`);
  return device === 'cpu';
}

const copiesFolder = '.copies';
/** Seconds: a day. */
const longestRequest = 86_400;

async function copiesOf({ copies, keepConcepts }: BenchOptions, settings: Settings): Promise<number> {
  if (copies !== undefined) {
    const count = countOf('--copies', copies);
    if (count > mostAsked) throw errors.invalidValue('--copies', `a number from 1 to ${mostAsked}`, count);
    if (keepConcepts && count > 1)
      throw errors.invalidValue('--copies', '1 with --keep-concepts: copies keep none', copies);
    if (settings.databaseUrl !== '' && count > 1)
      throw errors.invalidValue('--copies', "1 with a database: copies would take each other's jobs", copies);
    return count;
  }
  // Copies would share one device, or take each other's jobs out of one database.
  if (keepConcepts || settings.databaseUrl !== '' || ['cuda', 'webgpu'].includes(settings.device)) return 1;
  // Without a folder the load will tell.
  const folder = await folderOfModel(settings.modelsDirectory, settings.model);
  const bytes = await folderBytes(folder).catch(() => 0);
  if (bytes > small) return 1;
  // Half of the memory is for others.
  const room = Math.floor(machineMemory() / 2 / (2 * bytes + beside));
  return Math.max(1, Math.min(most, chooseThreads(settings.threads), room));
}
