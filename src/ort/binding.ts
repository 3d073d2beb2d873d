/** Inputs and outputs bound to a session, and running it: nothing is copied between runs. */
import { api } from './library.js';
import { offThread } from './off-thread.js';
import type { Session } from './session.js';
import { check, created, OrtError } from './status.js';
import type { Tensor } from './tensor.js';

/** The number of no device graph. */
export const notCaptured = -1;

/** OrtErrorCode ORT_INVALID_ARGUMENT. */
const invalidArgument = 2;

/** Options of one run; a run in progress ends with an OrtError after `terminate()`. */
export class RunOptions {
  readonly handle = created('create run options', (out) => api.CreateRunOptions(out));
  #graph: number | null = null;

  /**
   * Which device graph the next runs of a session that captures are: a graph's first run records it, the further
   * ones replay it with whatever its tensors hold by then. `notCaptured` runs node by node.
   */
  useGraph(graph: number): void {
    if (graph === this.#graph) return;
    check(api.AddRunConfigEntry(this.handle, 'gpu_graph_id', String(graph)), 'choose the device graph');
    this.#graph = graph;
  }

  /** Safe from any thread: `handle` may be sent to another one that calls `terminateRun`. */
  terminate(): void {
    terminateRun(this.handle);
  }

  /** Makes the options usable again after a terminated run. */
  reset(): void {
    check(api.RunOptionsUnsetTerminate(this.handle), 'reset run options');
  }

  release(): void {
    api.ReleaseRunOptions(this.handle);
  }
}

/** Ends the runs that use these run options, wherever they run. */
export function terminateRun(handle: bigint): void {
  check(api.RunOptionsSetTerminate(handle), 'terminate run');
}

export class Binding {
  readonly #handle;
  /** ORT keeps raw pointers: whatever is bound must stay reachable. */
  readonly #inputs = new Map<string, { readonly tensor: Tensor; readonly version: number }>();
  readonly #outputs = new Map<string, Tensor>();

  constructor(readonly session: Session) {
    this.#handle = created('create binding', (out) => api.CreateIoBinding(session.handle, out));
  }

  /**
   * Binds or rebinds one input. On a device this copies an array there, so what is bound already and has not
   * changed is left alone. @throws OrtError for a name the graph does not have.
   */
  input(name: string, tensor: Tensor): void {
    const bound = this.#inputs.get(name);
    if (bound?.tensor === tensor && (bound.version === tensor.version || !this.session.device)) return;
    known(this.session.inputNames, name, 'input');
    check(api.BindInput(this.#handle, name, tensor.handle), `bind input ${name}`);
    this.#inputs.set(name, { tensor, version: tensor.version });
  }

  /** Binds one output to memory that has exactly its size. @throws OrtError for an unknown name. */
  output(name: string, tensor: Tensor): void {
    if (this.#outputs.get(name) === tensor) return;
    known(this.session.outputNames, name, 'output');
    check(api.BindOutput(this.#handle, name, tensor.handle), `bind output ${name}`);
    this.#outputs.set(name, tensor);
  }

  /** Runs on the calling thread. @throws OrtError, also when terminated. */
  run(options: RunOptions): void {
    check(api.RunWithBinding(this.session.handle, options.handle, this.#handle), 'run');
  }

  /** Runs on another thread; nothing bound may be touched until it resolves. */
  async runAsync(options: RunOptions): Promise<void> {
    const status = await offThread([this, options], (done) =>
      api.RunWithBinding.async(this.session.handle, options.handle, this.#handle, done),
    );
    check(status, 'run');
  }

  release(): void {
    api.ReleaseIoBinding(this.#handle);
    this.#inputs.clear();
    this.#outputs.clear();
  }
}

/** ORT refuses an unknown input only after it has spoilt the binding, and an unknown output when it runs. */
function known(names: ReadonlySet<string>, name: string, kind: string): void {
  if (!names.has(name))
    throw new OrtError(invalidArgument, `the graph has no ${kind} of that name`, `bind ${kind} ${name}`);
}
