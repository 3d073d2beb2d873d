/** An ORT inference session: a graph ready to run, with what it says of its inputs and outputs. */
import { appendDevice, type Device, DeviceMemory } from './device.js';
import { environment } from './environment.js';
import { api, decodeText, type Handle } from './library.js';
import { offThread } from './off-thread.js';
import type { SharedWeights } from './shared-weights.js';
import { check, created, OrtError } from './status.js';
import { type ElementType, elementTypeName } from './tensor.js';

export interface SessionSettings {
  /** Threads of one operator, the calling thread included. */
  readonly threads: number;
  /** Folder against which external data files are resolved. */
  readonly weightsDirectory: string;
  /** Busy-wait between operators: faster where the cores are ours alone. */
  readonly spinning: boolean;
  /** Shares prepacked weights between sessions of one model. */
  readonly prepacked?: PrepackedWeights;
  /** Weights that sessions on the CPU share. */
  readonly weights?: SharedWeights;
  /** Computes there instead of on the CPU. */
  readonly device?: Device | undefined;
  /** Whether the device may capture runs: then it must compute every node of the graph. */
  readonly captures?: boolean;
}

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType | string;
  /** -1 where the graph leaves the size open. */
  readonly shape: readonly number[];
}

/** Weights in the layout the kernels want, made once for all sessions that share them. */
export class PrepackedWeights {
  readonly handle = created('create prepacked weights container', (out) =>
    api.CreatePrepackedWeightsContainer(out),
  );
  /** Only after every session that uses it. */
  release(): void {
    api.ReleasePrepackedWeightsContainer(this.handle);
  }
}

const forgetEveryMs = 20;

function sessionOptions(settings: SessionSettings): Handle {
  const options = created('create session options', (out) => api.CreateSessionOptions(out));
  const entries: [string, string][] = [
    ['session.model_external_initializers_file_folder_path', settings.weightsDirectory],
    ['session.intra_op.allow_spinning', settings.spinning ? '1' : '0'],
  ];
  check(api.SetIntraOpNumThreads(options, settings.threads), `set ${settings.threads} threads`);
  for (const [key, value] of entries) check(api.AddSessionConfigEntry(options, key, value), `set ${key}`);
  if (settings.device) appendDevice(options, settings.device, settings.captures ?? false);
  else settings.weights?.addTo(options);
  return options;
}

export class Session {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly inputNames: ReadonlySet<string>;
  readonly outputNames: ReadonlySet<string>;
  /** Memory of the device it computes on; null on the CPU. */
  readonly device: DeviceMemory | null;

  private constructor(
    readonly handle: Handle,
    /** Set when this session alone uses its prepacked weights. */
    private readonly ownWeights: PrepackedWeights | null,
    device: Device | undefined,
    /** Whether runs on its device may be captured. */
    readonly captures: boolean,
  ) {
    this.device = device ? new DeviceMemory(handle, device) : null;
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
  }

  /**
   * Builds a session from a serialised ONNX model, off the calling thread: this takes hundreds of
   * milliseconds and running sessions must not wait for it.
   * @throws OrtError when the model or its weights cannot be loaded.
   */
  static async create(model: Uint8Array, settings: SessionSettings): Promise<Session> {
    const options = sessionOptions(settings);
    const weights = settings.prepacked ?? new PrepackedWeights();
    const ownWeights = settings.prepacked ? null : weights;
    const out: [Handle | null] = [null];
    const shared = settings.device ? undefined : settings.weights;
    // What is packed already need not stay in memory until the rest is.
    const forgetting = shared && setInterval(() => shared.forget(), forgetEveryMs);
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
      ownWeights?.release();
      throw error;
    } finally {
      clearInterval(forgetting);
      shared?.forget();
      api.ReleaseSessionOptions(options);
    }
  }

  release(): void {
    this.device?.release();
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
