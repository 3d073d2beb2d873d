/** `steerd graft`: writes a model folder with a grafted graph. */
import type { Command } from 'commander';
import { graftDirectory } from '../onnx/graft/graft-directory.js';

export function register(program: Command): void {
  program
    .command('graft')
    .description('write the grafted graph of an export beside links to its untouched weights')
    .argument('<model-dir>', 'folder with model.onnx')
    .requiredOption('--out <dir>', 'folder to write')
    .option('--capture', 'the capture graph (activations) instead of the serving graph (steering)', false)
    .action(async (directory: string, options: { out: string; capture: boolean }) => {
      const report = await graftDirectory(directory, options.out, { capture: options.capture });
      const weights =
        report.weights.map(({ file, how }) => `${file} (${how})`).join(', ') || 'inside the graph';
      process.stdout.write(
        `${report.graph}: ${report.kind} graph, ${report.nodes} nodes; weights: ${weights}\n`,
      );
    });
}
