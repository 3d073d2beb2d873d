/** `steerd graft`: writes a model folder with a grafted graph. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { errors } from '../errors.js';
import { graftDirectory } from '../onnx/graft/graft-directory.js';
import { sayJson, sayWrapped } from './output.js';

interface Options {
  readonly out: string;
  readonly capture: boolean;
  readonly json: boolean;
}

export function register(program: Command): void {
  program
    .command('graft')
    .description('write the grafted graph of an export beside links to its untouched weights')
    .argument('<model-dir>', 'folder with model.onnx')
    .requiredOption('--out <dir>', 'folder to write')
    .option('--capture', 'the capture graph (activations) instead of the serving graph (steering)', false)
    .option('--json', 'as JSON', false)
    .action(async (directory: string, { out, capture, json }: Options) => {
      await access(join(directory, 'model.onnx')).catch(() => {
        throw errors.invalidValue('model-dir', 'a folder with model.onnx', directory);
      });
      const report = await graftDirectory(directory, out, { capture });
      if (json) return sayJson(report);
      const weights =
        report.weights.map(({ file, how }) => `${file} (${how})`).join(', ') || 'inside the graph';
      sayWrapped(`${report.graph}: ${report.kind} graph, ${report.nodes} nodes; weights: ${weights}`);
    });
}
