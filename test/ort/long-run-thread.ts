/** The thread of terminate.test.ts: runs the embedded model twice with the same run options and tells how each run ended. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { packageRoot } from '../../src/common/package.js';
import { Binding, RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { Tensor } from '../../src/ort/tensor.js';
import { floats, ints } from '../helpers/run-graph.js';

/** First the handle of the run options, when the long run is about to begin; then an outcome for each run. */
export type LongRunMessage = { readonly handle: bigint } | { readonly outcome: string };

const weightsDirectory = join(packageRoot, 'models/smollm2-135m-instruct');

const port = parentPort;
if (port) {
  const session = await Session.create(await readFile(join(weightsDirectory, 'model.onnx')), {
    threads: 2,
    weightsDirectory,
    spinning: false,
  });
  const options = new RunOptions();
  const bindingOf = (length: number) => {
    const binding = new Binding(session);
    const put = (name: string, { data, type, shape }: ReturnType<typeof floats>) =>
      [name, Tensor.over(data, type, shape)] as const;
    const row = new Array<number>(length);
    binding.input(...put('input_ids', ints([1, length], row.fill(504))));
    binding.input(...put('attention_mask', ints([1, length], row.fill(1))));
    for (const { name } of session.outputs)
      if (name.startsWith('present')) {
        const tensor = put(name, floats([1, 3, length, 64]));
        binding.input(name.replace('present', 'past_key_values'), tensor[1]);
        binding.output(...tensor);
      }
    return binding;
  };
  const run = (binding: Binding) => {
    try {
      binding.run(options);
      return 'complete';
    } catch (error) {
      return String(error);
    }
  };
  // The first takes seconds, unless it is terminated.
  const [long, short] = [bindingOf(3000), bindingOf(4)];
  port.postMessage({ handle: options.handle } satisfies LongRunMessage);
  for (const binding of [long, short]) port.postMessage({ outcome: run(binding) } satisfies LongRunMessage);
  for (const binding of [long, short]) binding.release();
  options.release();
  session.release();
}
