/** What `steerd doctor` looks at: each check says what it found and, where that is wrong, what to do. Nothing is changed. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { freemem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { readKeys } from '../access/key-store.js';
import { isLoopback } from '../access/loopback.js';
import { shownBytes } from '../common/byte-size.js';
import { integerInstructions } from '../common/cpu-features.js';
import { machineMemory } from '../common/machine-memory.js';
import { packageVersion } from '../common/package.js';
import { chooseThreads } from '../common/threads.js';
import { readConceptFolder } from '../concepts/concept-folder.js';
import { ConfigError, type Settings } from '../config.js';
import { readFootprint } from '../engine/load/footprint.js';
import { modelNames } from '../models/disk/model-folders.js';
import { folderOfModel, ownPlace } from '../models/disk/model-places.js';
import { listenCure } from '../server/listen-fault.js';
import { answering } from './api.js';
import { shownPlace } from './data-place.js';

export interface Finding {
  readonly check: string;
  readonly state: 'right' | 'doubtful' | 'wrong';
  readonly found: string;
  /** What to do; null where nothing needs to be done. */
  readonly todo: string | null;
}

type Told = Omit<Finding, 'check'>;

const right = (found: string): Told => ({ state: 'right', found, todo: null });
const doubtful = (found: string, todo: string): Told => ({ state: 'doubtful', found, todo });
const wrong = (found: string, todo: string): Told => ({ state: 'wrong', found, todo });

const checks: readonly (readonly [string, (settings: Settings) => Told | Promise<Told>])[] = [
  ['versions', versions],
  ['library', library],
  ['device', device],
  ['processor', processor],
  ['model', model],
  ['memory', memory],
  ['data directory', data],
  ['cache', ({ cacheDirectory }) => cache(cacheDirectory)],
  ['concepts', concepts],
  ['keys', keys],
  ['port', port],
];

/** In a fixed order. A check that fails unforeseen is a finding too. */
export async function diagnose(settings: Settings): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [check, look] of checks) {
    const told = await Promise.resolve()
      .then(() => look(settings))
      .catch((error: Error) =>
        error instanceof ConfigError
          ? wrong(error.message, 'set the variable that is named')
          : wrong(error.message, 'this is a fault of the check itself: please report it'),
      );
    findings.push({ check, ...told });
  }
  return findings;
}

function versions(): Told {
  const { version, platform, arch } = process;
  const found = `steerd ${packageVersion}, Node ${version.slice(1)} on ${platform} ${arch}`;
  const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19)
    ? right(found)
    : wrong(found, 'install Node 20.19 or newer');
}

async function library(): Promise<Told> {
  try {
    const [{ ortVersion }, { builtInDevices }] = await Promise.all([
      import('../ort/library.js'),
      import('../ort/device.js'),
    ]);
    return right(`ONNX Runtime ${ortVersion}, built for ${['cpu', ...builtInDevices()].join(', ')}`);
  } catch (error) {
    const own = process.env.STEERD_ORT_LIBRARY;
    return wrong(
      (error as Error).message,
      own === undefined
        ? 'run npm ci again; on Linux it needs glibc, not musl (Alpine)'
        : `STEERD_ORT_LIBRARY is ${own}: name a library of the same version, or unset it`,
    );
  }
}

async function device(settings: Settings): Promise<Told> {
  const { obstacleTo } = await import('../engine/devices.js');
  const asked = settings.device;
  if (asked === 'cpu') return right('cpu, as set');
  const names = asked === 'auto' ? (['cuda', 'webgpu'] as const) : [asked];
  const obstacles = names.map((name) => [name, obstacleTo(name, asked === 'auto')] as const);
  const usable = obstacles.find(([, obstacle]) => obstacle === null)?.[0];
  if (usable !== undefined) return right(`${usable} looks usable; the load of a model tells`);
  const why = obstacles.map(([name, obstacle]) => `${name}: ${obstacle}`).join('; ');
  return asked === 'auto'
    ? right(`cpu (${why})`)
    : wrong(
        why,
        'set STEERD_DEVICE=auto, or install what the device needs: docs/docker.md, CUDA without Docker',
      );
}

function processor({ threads }: Settings): Told {
  const count = chooseThreads(threads);
  const kernels = integerInstructions();
  return right(`${count} ${count === 1 ? 'thread' : 'threads'}${kernels === null ? '' : `, ${kernels}`}`);
}

async function model({ modelsDirectory, model: id }: Settings): Promise<Told> {
  const folder = await folderOfModel(modelsDirectory, id);
  if (!(await isThere(folder))) {
    const place = ownPlace(modelsDirectory);
    const known = await modelNames(place).catch(() => []);
    const has = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
    return wrong(
      `there is no ${id} in ${resolve(place)}; ${has}`,
      'set STEERD_MODEL to one of those, set STEERD_MODELS_DIR, or bring one: steerd pull OWNER/NAME',
    );
  }
  for (const file of ['model.onnx', 'tokenizer.json']) {
    if (!(await isThere(join(folder, file)))) {
      return wrong(
        `${join(folder, file)} is missing`,
        `remove the folder and bring the model again: steerd pull`,
      );
    }
  }
  try {
    const { layers, hiddenSize, weights } = await measured({ modelsDirectory, model: id });
    // A clone without Git LFS has small text files in place of weights.
    return right(`${id}: ${layers} layers of width ${hiddenSize}, ${shownBytes(weights)}`);
  } catch (error) {
    return wrong(
      `${id}: ${(error as Error).message}`,
      'its files are damaged or not all there: steerd models verify',
    );
  }
}

const measured = async ({ modelsDirectory, model: id }: Pick<Settings, 'modelsDirectory' | 'model'>) =>
  readFootprint(await folderOfModel(modelsDirectory, id), { slots: 1, context: 0, memory: null });

async function memory(settings: Settings): Promise<Told> {
  const total = machineMemory();
  const found = `${shownBytes(total)}, ${shownBytes(Math.min(total, freemem()))} of it free`;
  const needed = await measured(settings).catch(() => null);
  if (needed === null) return right(found);
  // Packed weights and the JavaScript heap are beside the files.
  const bytes = 1.5 * needed.weights + needed.leastKv;
  const told = `${found}; ${settings.model} needs about ${shownBytes(bytes)}`;
  const limit = settings.memory * 1024 ** 2;
  if (limit > 0 && needed.weights + needed.leastKv > limit)
    return wrong(
      `${told}, and STEERD_MEMORY allows ${shownBytes(limit)}`,
      'raise STEERD_MEMORY, or lower STEERD_CONTEXT',
    );
  if (bytes > total) return wrong(told, 'take a smaller model or quantisation: steerd pull --quantization');
  return bytes > freemem() ? doubtful(told, 'end other programs if loading fails') : right(told);
}

/** @param path a directory, which may still have to be made */
async function writable(path: string, variable: string, what: string): Promise<Told> {
  const folder = resolve(path);
  let existing = folder;
  while (!(await isThere(existing)) && dirname(existing) !== existing) existing = dirname(existing);
  const todo = `let this user write there, or set ${variable} to another place`;
  if (!(await stat(existing)).isDirectory())
    return wrong(`${existing} is a file`, `set ${variable} to a folder`);
  try {
    await access(existing, constants.W_OK | constants.X_OK);
  } catch {
    return wrong(`${existing} cannot be written to`, todo);
  }
  return right(existing === folder ? folder : `${folder}, made when it is needed, for ${what}`);
}

async function data({ dataDirectory }: Settings): Promise<Told> {
  const told = await writable(dataDirectory, 'STEERD_DATA_DIR', 'concepts and keys');
  return { ...told, found: told.found.replace(resolve(dataDirectory), shownPlace(dataDirectory)) };
}

const cache = (directory: string | null): Told | Promise<Told> =>
  directory === null
    ? doubtful('none is kept', 'each start prepares the weights anew; set STEERD_CACHE_DIR to a folder')
    : writable(directory, 'STEERD_CACHE_DIR', 'prepared weights');

async function concepts({ modelsDirectory, model: id, dataDirectory }: Settings): Promise<Told> {
  const model = await folderOfModel(modelsDirectory, id);
  const folders = [join(model, 'concepts'), join(dataDirectory, 'concepts')];
  const [shipped, own] = await Promise.all(folders.map(readConceptFolder));
  const refused = [...(shipped?.refused ?? []), ...(own?.refused ?? [])];
  const found = `${shipped?.loaded.length ?? 0} with the model, ${own?.loaded.length ?? 0} made here`;
  const [first] = refused;
  return first === undefined
    ? right(found)
    : wrong(
        `${found}; ${refused.length} cannot be read, such as ${first.file}: ${first.reason}`,
        'fit or import these again, or move the files away',
      );
}

async function keys({ dataDirectory, host, allowAnonymous, apiKey }: Settings): Promise<Told> {
  let known: Awaited<ReturnType<typeof readKeys>>;
  try {
    known = await readKeys(dataDirectory);
  } catch (error) {
    return wrong(
      (error as Error).message,
      'bring the file back from a backup, or remove it and make new keys',
    );
  }
  const count = (known?.length ?? 0) + (apiKey === '' ? 0 : 1);
  if (count > 0 || known !== null)
    return right(`${count} ${count === 1 ? 'key' : 'keys'}; every request needs one`);
  if (isLoopback(host)) return right('none, and none needed: only this machine is let in');
  return allowAnonymous
    ? doubtful(
        `none, and ${host} is open to the network`,
        'make a key with steerd keys add, unless a proxy keeps others out',
      )
    : wrong(
        `none, and ${host} is open to the network`,
        'make a key with steerd keys add, or set STEERD_API_KEY',
      );
}

async function port(settings: Settings): Promise<Told> {
  const { host, port: number } = settings;
  if (number === 0) return right('a free one');
  const url = await answering(settings);
  if (url !== null) return right(`a steerd server answers at ${url}`);
  const code = await new Promise<string | null>((done) => {
    const probe = createServer();
    probe.once('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => done(code));
    probe.listen({ host, port: number, exclusive: true }, () => probe.close(() => done(null)));
  });
  if (code === null) return right(`${host}:${number} is free`);
  return wrong(`${host}:${number} cannot be listened on (${code})`, listenCure(code));
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
