/** An ORT inference session: a graph ready to run, with its inputs and outputs described. */
import { appendDevice, type Device, DeviceMemory } from './device.js';
import { environment } from './environment.js';
import { api, decodeText, type Handle } from './library.js';
import { offThread } from './off-thread.js';
import type { SharedWeights } from './shared-weights.js';
import { check, created, OrtError } from './status.js';
import { type ElementType, elementTypeName } from './tensor.js';

export interface SessionSettings {
  /** Threads of one operator (intra-op), the calling thread included. */
  readonly threads: number;
  /** Folder that the paths of external data files are relative to. */
  readonly weightsDirectory: string;
  /** Whether threads busy-wait between operators: faster where no other process needs the cores. */
  readonly spinning: boolean;
  /** Prepacked weights to share with other sessions of the same model. */
  readonly prepacked?: PrepackedWeights;
  /** Weights to share with other sessions of the same model; used on the CPU only. */
  readonly weights?: readonly SharedWeights[];
  /** The CPU when left out. */
  readonly device?: Device | undefined;
  /** Whether runs may be captured as device graphs. Then the device must be able to execute every node. */
  readonly captures?: boolean;
}

/** An input or output of a graph. */
interface ValueInfo {
  readonly name: string;
  /** "type N" for an element type that elementTypes does not list. */
  readonly type: ElementType | string;
  /** -1 for a size that the graph leaves open. */
  readonly shape: readonly number[];
}

/** Weights in the layout that the kernels use, computed once for all sessions that share them. */
export class PrepackedWeights {
  readonly handle = created('create prepacked weights container', (out) =>
    api.CreatePrepackedWeightsContainer(out),
  );
  /** Call it after every session that uses them is released. */
  release(): void {
    api.ReleasePrepackedWeightsContainer(this.handle);
  }
}

/** How often pages of the weights' files are dropped while a session is created. */
const dropEveryMs = 20;

function sessionOptions(settings: SessionSettings): Handle {
  const options = created('create session options', (out) => api.CreateSessionOptions(out));
  const entries: [string, string][] = [
    ['session.model_external_initializers_file_folder_path', settings.weightsDirectory],
    ['session.intra_op.allow_spinning', settings.spinning ? '1' : '0'],
  ];
  check(api.SetIntraOpNumThreads(options, settings.threads), `set ${settings.threads} threads`);
  for (const [key, value] of entries) check(api.AddSessionConfigEntry(options, key, value), `set ${key}`);
  if (settings.device) {
    appendDevice(options, settings.device, settings.captures ?? false);
    return options;
  }
  // By default a session remembers, for good, where a run of these sizes had its tensors, and every length of a text is
  // another size: 240 KiB for each of the embedded model's, and no run is faster for it (docs/bench-log.md).
  check(api.DisableMemPattern(options), 'remember no sizes');
  for (const weights of settings.weights ?? []) weights.addTo(options);
  return options;
}

export class Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly inputNames: ReadonlySet<string>;
  readonly outputNames: ReadonlySet<string>;
  /** The device it runs on; null for the CPU. */
  readonly device: Device | null;
  /** Memory of that device; null for the CPU. */
  readonly deviceMemory: DeviceMemory | null;

  private constructor(
    readonly handle: Handle,
    /** Prepacked weights that no other session uses, to be released with this one. */
    private readonly ownWeights: PrepackedWeights | null,
    device: Device | undefined,
    /** Whether its runs may be captured as device graphs. */
    readonly captures: boolean,
  ) {
    const allocator = created('get allocator', (out) => api.GetAllocatorWithDefaultOptions(out));
    const read = (
      count: typeof api.SessionGetInputCount,
      name: typeof api.SessionGetInputName,
      type: typeof api.SessionGetInputTypeInfo,
    ): ValueInfo[] => {
      const total = created<number>('count values', (out) => count(handle, out));
      return Array.from({ length: Number(total) }, (_, index) => {
        const text = created('read value name', (out) => name(handle, index, allocator, out));
        const info = { name: decodeText(text), ...valueType(handle, index, type) };
        check(api.AllocatorFree(allocator, text), 'free value name');
        return info;
      });
    };
    this.inputs = read(api.SessionGetInputCount, api.SessionGetInputName, api.SessionGetInputTypeInfo);
    this.outputs = read(api.SessionGetOutputCount, api.SessionGetOutputName, api.SessionGetOutputTypeInfo);
    this.inputNames = new Set(this.inputs.map((input) => input.name));
    this.outputNames = new Set(this.outputs.map((output) => output.name));
    this.device = device ?? null;
    // Last: what throws before leaves none of it.
    this.deviceMemory = device ? new DeviceMemory(handle, device) : null;
  }

  /**
   * Creates a session from a serialised ONNX model, on another thread: it takes hundreds of milliseconds, during which
   * other sessions go on running.
   * @throws OrtError when the model or its weights cannot be loaded
   */
  static async create(model: Uint8Array, settings: SessionSettings): Promise<Session> {
    const options = sessionOptions(settings);
    const weights = settings.prepacked ?? new PrepackedWeights();
    const ownWeights = settings.prepacked ? null : weights;
    const out: [Handle | null] = [null];
    const shared = settings.device ? [] : (settings.weights ?? []);
    const dropPages = () => {
      for (const one of shared) one.dropPages();
    };
    // Weights that are packed already need not stay in memory while the others are being packed.
    const dropping = setInterval(dropPages, dropEveryMs);
    try {
      const status = await offThread([model, out], (done) =>
        api.CreateSessionFromArrayWithPrepackedWeightsContainer.async(
          environment,
          model,
          model.byteLength,
          options,
          weights.handle,
          out,
          done,
        ),
      );
      check(status, 'load model');
      if (!out[0]) throw new OrtError(-1, 'no session came back', 'load model');
      return new Session(out[0], ownWeights, settings.device, settings.captures ?? false);
    } catch (error) {
      // One whose inputs and outputs could not be read.
      if (out[0]) api.ReleaseSession(out[0]);
      ownWeights?.release();
      throw error;
    } finally {
      clearInterval(dropping);
      dropPages();
      api.ReleaseSessionOptions(options);
    }
  }

  release(): void {
    this.deviceMemory?.release();
    api.ReleaseSession(this.handle);
    this.ownWeights?.release();
  }
}

function valueType(session: Handle, index: number, read: typeof api.SessionGetInputTypeInfo) {
  const info = created('read value type', (out) => read(session, index, out));
  try {
    const tensor = created('read tensor type', (out) => api.CastTypeInfoToTensorInfo(info, out));
    const type = created<number>('read element type', (out) => api.GetTensorElementType(tensor, out));
    const rank = Number(created<number>('read rank', (out) => api.GetDimensionsCount(tensor, out)));
    const shape = new BigInt64Array(Math.max(rank, 1));
    check(api.GetDimensions(tensor, shape, rank), 'read shape');
    return { type: elementTypeName(type), shape: Array.from(shape.subarray(0, rank), Number) };
  } finally {
    api.ReleaseTypeInfo(info);
  }
}
