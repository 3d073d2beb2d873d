/** Files of a repository that hold the tiny chat model, laid out as different exporters do. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyChatModel } from '../commands/tiny-chat-model.js';

const graphFiles = new Set(['model.onnx', 'model.onnx.data', 'genai_config.json']);

/**
 * The tiny chat model as onnxruntime-genai's builder leaves it.
 * @param folder where the graph lies; the tokenizer and the rest lie at the top
 */
export async function hubModel(folder = ''): Promise<Record<string, Buffer>> {
  const made = await mkdtemp(join(tmpdir(), 'steerd-hub-'));
  try {
    await writeTinyChatModel(made);
    const names = await readdir(made);
    const files = await Promise.all(
      names.map(async (name): Promise<[string, Buffer]> => {
        const inside = folder !== '' && graphFiles.has(name) ? `${folder}/${name}` : name;
        return [inside, await readFile(join(made, name))];
      }),
    );
    return {
      ...Object.fromEntries(files),
      'README.md': Buffer.from('# tiny\n'),
      '.gitattributes': Buffer.from('x'),
    };
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}
