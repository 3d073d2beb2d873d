/** Binds tensors to a session's inputs and outputs and runs it (ORT's IoBinding): nothing is copied between runs. */
import { api } from './library.js';
import type { Session } from './session.js';
import { check, created, OrtError } from './status.js';
import type { Tensor } from './tensor.js';

/** The graph number that makes a run neither record nor replay a device graph. */
export const notCaptured = -1;

/** OrtErrorCode ORT_INVALID_ARGUMENT. */
const invalidArgument = 2;

/** Options that runs share. `handle` may be sent to another thread, which ends the runs by `terminateRun`. */
export class RunOptions {
  readonly handle = created('create run options', (out) => api.CreateRunOptions(out));
  #graph: number | null = null;

  /**
   * Chooses the device graph (such as a CUDA graph) of the next runs, for a session that captures. The first run of a
   * graph's number records it; later ones replay it on the contents that its tensors have by then. With `notCaptured`
   * a run executes node by node.
   */
  useGraph(graph: number): void {
    if (graph === this.#graph) return;
    check(api.AddRunConfigEntry(this.handle, 'gpu_graph_id', String(graph)), 'choose the device graph');
    this.#graph = graph;
  }

  /** Whether a run gives back what its session's arena holds of the CPU's memory beyond what it started with. */
  shrinkArena(shrinks: boolean): void {
    // onnxruntime_run_options_config_keys.h
    const value = shrinks ? 'cpu:0' : '';
    check(
      api.AddRunConfigEntry(this.handle, 'memory.enable_memory_arena_shrinkage', value),
      'choose whether the arena shrinks',
    );
  }

  release(): void {
    api.ReleaseRunOptions(this.handle);
  }
}

/**
 * Makes the run in progress with these run options fail, and every later one; safe from any thread.
 * @param handle of a `RunOptions`
 */
export function terminateRun(handle: bigint): void {
  check(api.RunOptionsSetTerminate(handle), 'terminate run');
}

export class Binding {
  readonly #handle;
  /** What is bound. ORT has raw pointers to it, so it must not be garbage-collected. */
  readonly #inputs = new Map<string, { readonly tensor: Tensor; readonly version: number }>();
  readonly #outputs = new Map<string, Tensor>();

  constructor(readonly session: Session) {
    this.#handle = created('create binding', (out) => api.CreateIoBinding(session.handle, out));
  }

  /**
   * Binds or rebinds one input. On a device, binding an array copies it there; a tensor that is bound already and has
   * not changed since is not bound again. @throws OrtError for a name the graph does not have
   */
  input(name: string, tensor: Tensor): void {
    const bound = this.#inputs.get(name);
    if (bound?.tensor === tensor && (bound.version === tensor.version || !this.session.device)) return;
    requireName(this.session.inputNames, name, 'input');
    check(api.BindInput(this.#handle, name, tensor.handle), `bind input ${name}`);
    this.#inputs.set(name, { tensor, version: tensor.version });
  }

  /**
   * Binds one output to a tensor of exactly the shape it will have.
   * @throws OrtError for a name the graph does not have
   */
  output(name: string, tensor: Tensor): void {
    if (this.#outputs.get(name) === tensor) return;
    requireName(this.session.outputNames, name, 'output');
    check(api.BindOutput(this.#handle, name, tensor.handle), `bind output ${name}`);
    this.#outputs.set(name, tensor);
  }

  /** Runs the graph, blocking the calling thread. @throws OrtError, also when the run was terminated */
  run(options: RunOptions): void {
    check(api.RunWithBinding(this.session.handle, options.handle, this.#handle), 'run');
  }

  release(): void {
    api.ReleaseIoBinding(this.#handle);
    this.#inputs.clear();
    this.#outputs.clear();
  }
}

/**
 * Checked here, because ORT reports an unknown input only after it has damaged the binding, and an unknown output at
 * the run.
 */
function requireName(names: ReadonlySet<string>, name: string, kind: string): void {
  if (!names.has(name))
    throw new OrtError(invalidArgument, `the graph has no ${kind} of that name`, `bind ${kind} ${name}`);
}
