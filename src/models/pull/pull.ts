/**
 * Brings a model from a hub into the models directory. Everything happens in a hidden folder that is named after the
 * commit and the graph, where a pull that was broken off is continued; when every file is there and right, that
 * folder is renamed to the model's. So a model's folder is whole from the first moment it can be seen.
 */
import { createHash } from 'node:crypto';
import { mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readConfig } from '../../checkpoint/safetensors-folder.js';
import { makeFolderDurably } from '../../common/durable-file.js';
import { isModelName, modelNameExpected } from '../../common/names.js';
import { errors, SteerdError } from '../../errors.js';
import { type CheckpointChoice, chooseGguf, chooseSafetensors, isGguf } from '../../hub/checkpoint-choice.js';
import { chooseFiles, type FileChoice, type FileWish, hasGraph } from '../../hub/file-choice.js';
import { nameOf } from '../../hub/file-path.js';
import type { Hub, HubFile, ListedFile, Snapshot } from '../../hub/hub.js';
import type { Precision } from '../../schemas/imports.js';
import { completeModel, explainedFault, refuseExisting } from '../disk/complete-model.js';
import { readExport } from '../disk/export-check.js';
import { type Manifest, type PulledManifest, readManifest } from '../disk/manifest.js';
import { lockOf, pullFolder, stagingOf } from '../disk/model-folders.js';
import { lockPull, type PullLock } from '../disk/pull-lock.js';
import type { Builder } from '../import/builder.js';
import { defaultPrecision, type ImportProgress, makeModel } from '../import/import.js';
import { FileDownloads } from './file-downloads.js';
import { weightsOf } from './graph-weights.js';

export interface PullRequest extends FileWish {
  /** `owner/name` on the hub. */
  readonly repository: string;
  readonly revision: string;
  /** Folder and id it gets; the repository's own name when left out. */
  readonly name?: string | undefined;
  /** Words of the name of a GGUF file, from which the graph is built. */
  readonly gguf?: string | undefined;
  /** Builds the graph from safetensors, whatever exports there are. */
  readonly precision?: Precision | undefined;
}

export interface PullProgress {
  readonly stage: 'look up' | 'download' | ImportProgress['stage'];
  /** Bytes that are here, and bytes of all files as far as they are known. */
  readonly done: number;
  readonly total: number;
}

/** What is known once the hub has answered. */
export interface PullPlan {
  readonly commit: string;
  /** Null when the graph is built here. */
  readonly choice: FileChoice | null;
  /** Null for a graph that is taken as it is. */
  readonly precision: Precision | null;
  /** What the graph is built from: a GGUF file's name, or safetensors. */
  readonly source: string | null;
  /** Why an export that is there is not taken. */
  readonly because?: string;
}

export interface PullOptions {
  readonly hub: Hub;
  readonly modelsDirectory: string;
  readonly signal: AbortSignal;
  /** Without one, only repositories with an ONNX export can be pulled. */
  readonly builder?: Builder | undefined;
  /** Whether somebody will go on with a build that is stopped; without, a build begins anew. */
  readonly goesOn?: () => boolean;
  readonly onPlan?: (plan: PullPlan) => void;
  readonly onProgress?: (progress: PullProgress) => void;
}

export interface Pulled {
  readonly name: string;
  readonly folder: string;
  readonly manifest: Manifest;
  /** False when it was there already. */
  readonly fresh: boolean;
}

const configFile = 'config.json';

/** The last part of the repository's id: it goes into requests, where a slash would be in the way. */
export const defaultName = (repository: string): string => nameOf(repository);

/**
 * Resolves when the model is in its folder, durable. When it is broken off, what has come is kept and nothing that
 * could be loaded.
 * @throws SteerdError model_exists, pull_running, nothing_to_pull, model_unsupported, hub_*, storage_failed; the
 *   signal's reason
 */
export async function pullModel(request: PullRequest, options: PullOptions): Promise<Pulled> {
  const name = request.name ?? defaultName(request.repository);
  if (!isModelName(name)) throw errors.invalidValue('name', modelNameExpected, name);
  const { modelsDirectory } = options;
  const pulls = join(modelsDirectory, pullFolder);
  let lock: PullLock | undefined;
  try {
    await makeFolderDurably(pulls);
    lock = await lockPull(lockOf(modelsDirectory, name), name);
    const signal = AbortSignal.any([options.signal, lock.lost]);
    return await new Pull(name, request, { ...options, signal }).run();
  } catch (error) {
    throw await explainedFault(error, modelsDirectory);
  } finally {
    await lock?.release();
    // Goes when nothing unfinished is left in it.
    await rmdir(pulls).catch(() => {});
  }
}

class Pull {
  readonly #folder: string;
  readonly #files: FileDownloads;
  constructor(
    readonly name: string,
    readonly request: PullRequest,
    readonly options: PullOptions,
  ) {
    this.#folder = join(options.modelsDirectory, name);
    this.#files = new FileDownloads(options);
  }

  async run(): Promise<Pulled> {
    const { request, options, name } = this;
    const { hub, signal, modelsDirectory, onPlan, onProgress } = options;
    const present = await readManifest(this.#folder);
    // What nobody can update is refused before the hub is asked.
    const known = present?.format === 1 ? present : null;
    const from = present?.format === 2 ? present.checkpoint.hub : present;
    if (from?.repository !== request.repository) await this.#refuseExisting(present);
    onProgress?.({ stage: 'look up', done: 0, total: 0 });
    const snapshot = await hub.snapshot(request.repository, request.revision, signal);
    const checkpoint = this.#checkpointOf(snapshot);
    if (checkpoint !== null) return this.#build(snapshot, checkpoint, present);
    const choice = chooseFiles(snapshot, request);
    onPlan?.({ commit: snapshot.commit, choice, precision: null, source: null });
    const { graph, beside, likelyWeights } = choice;
    if (known !== null && known.commit === snapshot.commit && known.graph === graph.path) {
      return { name, folder: this.#folder, manifest: known, fresh: false };
    }
    await this.#refuseExisting(present);

    const staging = stagingOf(modelsDirectory, name, stagingKey(snapshot, graph));
    const first = await this.#files.described(snapshot, new Map([['model.onnx', graph], ...beside]));
    const likely = await this.#files.described(
      snapshot,
      new Map(likelyWeights.map((file): [string, ListedFile] => [nameOf(file.path), file])),
    );
    await this.#files.reserve(staging, new Map([...first, ...likely]));
    await mkdir(staging, { recursive: true });
    const sums = await this.#files.download(snapshot, staging, first);
    // The graph is judged before gigabytes of weights are fetched for it.
    const named = await this.#judge(snapshot, graph, staging, first).catch(async (error: unknown) => {
      await rm(staging, { recursive: true, force: true });
      return this.#insteadOf(snapshot, error);
    });
    if (!(named instanceof Map)) return this.#build(snapshot, named.checkpoint, present, named.because);
    const weights = await this.#files.described(snapshot, named);
    await this.#files.reserve(staging, new Map([...first, ...weights]));
    for (const [file, sum] of await this.#files.download(snapshot, staging, weights)) sums.set(file, sum);

    const manifest: PulledManifest = {
      format: 1,
      endpoint: hub.endpoint,
      repository: request.repository,
      revision: request.revision,
      commit: snapshot.commit,
      graph: graph.path,
      quantization: graph.quantization,
      pulled_at: new Date().toISOString(),
      files: [...first, ...weights].map(([path, { bytes }]) => ({
        path,
        bytes,
        sha256: sums.get(path)?.sha256 ?? '',
      })),
    };
    await this.#complete(staging, manifest);
    return { name, folder: this.#folder, manifest, fresh: true };
  }

  /** What the graph is to be built from: when that was asked for, or there is no export. */
  #checkpointOf(snapshot: Snapshot): CheckpointChoice | null {
    const { file, quantization, precision, gguf } = this.request;
    if (this.options.builder === undefined) return null;
    if (gguf !== undefined || (file !== undefined && isGguf(file)))
      return chooseGguf(snapshot, { file, gguf });
    const wantsGraph = file !== undefined || quantization !== undefined || hasGraph(snapshot);
    if (precision === undefined && wantsGraph) return null;
    const chosen = chooseSafetensors(snapshot) ?? chooseGguf(snapshot, {});
    if (chosen !== null || precision === undefined) return chosen;
    throw errors.nothingToPull(
      snapshot.repository,
      'checkpoint to build from (config.json, tokenizer.json and model.safetensors, or a GGUF file)',
      listedNames(snapshot.files.map(({ path }) => path)),
      'precision',
    );
  }

  /** What to build from where the best export cannot be served, unless just that one was asked for. */
  #insteadOf(snapshot: Snapshot, error: unknown): { checkpoint: CheckpointChoice; because: string } {
    const { file, quantization } = this.request;
    const checkpoint = this.options.builder === undefined ? null : chooseSafetensors(snapshot);
    const isRefused = error instanceof SteerdError && error.code === 'model_unsupported';
    if (!isRefused || file !== undefined || quantization !== undefined || checkpoint === null) throw error;
    return { checkpoint, because: error.message };
  }

  /** Brings the checkpoint and builds. What was brought is kept until the model is there. */
  async #build(
    snapshot: Snapshot,
    { files: chosen, gguf }: CheckpointChoice,
    present: Manifest | null,
    because?: string,
  ): Promise<Pulled> {
    const { request, options, name } = this;
    const { hub, modelsDirectory, signal, onPlan, onProgress, builder, goesOn } = options;
    const { precision = defaultPrecision } = request;
    const plan = { commit: snapshot.commit, choice: null, precision, source: gguf ?? 'safetensors' };
    onPlan?.(because === undefined ? plan : { ...plan, because });
    const isThere =
      present?.format === 2 &&
      present.checkpoint.hub?.commit === snapshot.commit &&
      present.precision === precision &&
      (gguf === null || present.checkpoint.files.some((file) => file.name === gguf));
    if (isThere) return { name, folder: this.#folder, manifest: present, fresh: false };
    await this.#refuseExisting(present);
    const key = gguf === null ? 'checkpoint' : shortHash(gguf);
    const staging = stagingOf(modelsDirectory, name, `${snapshot.commit.slice(0, 12)}-${key}`);
    const files = await this.#files.described(snapshot, chosen);
    await this.#files.reserve(staging, files);
    await mkdir(staging, { recursive: true });
    await this.#judgeCheckpoint(snapshot, staging, files);
    await this.#files.download(snapshot, staging, files);
    const { repository, revision } = request;
    const origin = { endpoint: hub.endpoint, repository, revision, commit: snapshot.commit };
    const made = await makeModel(
      name,
      { path: gguf === null ? staging : join(staging, gguf), precision, hub: origin },
      {
        ...{ builder: builder as Builder, modelsDirectory, signal },
        ...(goesOn && { goesOn }),
        ...(onProgress && { onProgress }),
      },
    );
    return { ...made, fresh: true };
  }

  /** The configuration is judged before gigabytes of weights are fetched for it. */
  async #judgeCheckpoint(
    snapshot: Snapshot,
    staging: string,
    files: ReadonlyMap<string, HubFile>,
  ): Promise<void> {
    const config = files.get(configFile);
    if (config === undefined) return;
    try {
      await this.#files.download(snapshot, staging, new Map([[configFile, config]]));
      const value = await readConfig(join(staging, configFile));
      this.options.builder?.check?.(value);
    } catch (error) {
      this.options.signal.throwIfAborted();
      if (error instanceof SteerdError && error.status === 400)
        await rm(staging, { recursive: true, force: true });
      throw error;
    }
  }

  /** The weights that a graph we can serve names. */
  async #judge(
    snapshot: Snapshot,
    graph: ListedFile,
    staging: string,
    taken: ReadonlyMap<string, unknown>,
  ): Promise<Map<string, ListedFile>> {
    const { signal } = this.options;
    const named = await readExport(snapshot.repository, graph.path, staging, signal);
    return weightsOf(snapshot, graph, named, taken);
  }

  async #refuseExisting(present: Manifest | null): Promise<void> {
    await refuseExisting(this.options.modelsDirectory, this.name, present);
  }

  /** Nothing but what was pulled goes into the model's folder, and all of it at once. */
  async #complete(staging: string, manifest: PulledManifest): Promise<void> {
    const { signal, modelsDirectory } = this.options;
    await completeModel({ modelsDirectory, name: this.name, staging, manifest, signal });
  }
}

const listedNames = (names: readonly string[]): string =>
  `${names.slice(0, 12).join(', ') || 'nothing'}${names.length > 12 ? `, and ${names.length - 12} more` : ''}`;

const shortHash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** Parts of one commit's graph are of no use for another. */
const stagingKey = ({ commit }: Snapshot, graph: ListedFile): string =>
  `${commit.slice(0, 12)}-${shortHash(graph.path)}`;
