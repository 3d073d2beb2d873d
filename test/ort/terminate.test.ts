/** Ending a run that is in progress, on the embedded model: it is large enough to be caught at it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as after } from 'node:timers/promises';
import { packageRoot } from '../../src/common/package.js';
import { Binding, RunOptions } from '../../src/ort/binding.js';
import { Session } from '../../src/ort/session.js';
import { OrtError } from '../../src/ort/status.js';
import { Tensor } from '../../src/ort/tensor.js';
import { floats, ints } from '../helpers/run-graph.js';

test('terminate ends a run in progress, and after a reset the next run works', async () => {
  const weightsDirectory = join(packageRoot, 'models/smollm2-135m-instruct');
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
  // Seconds of work, unless it is ended.
  const long = bindingOf(3000);
  let ended = false;
  const run = long.runAsync(options).finally(() => {
    ended = true;
  });
  await Promise.all([
    assert.rejects(run, (error) => error instanceof OrtError && /terminate/i.test(error.message)),
    after(100).then(() => {
      assert.ok(!ended, 'the run is in progress');
      options.terminate();
    }),
  ]);
  const short = bindingOf(4);
  assert.throws(() => short.run(options), OrtError, 'run options stay terminated until they are reset');
  options.reset();
  short.run(options);
  for (const binding of [long, short]) binding.release();
  options.release();
  session.release();
});
