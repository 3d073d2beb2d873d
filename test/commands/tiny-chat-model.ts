/** A whole model folder that loads and answers in milliseconds: the tiny export, a byte tokenizer, a chat template. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { llama } from '../text/tiny-tokenizers.js';

export const tinyChatModel = 'tiny';

const chatTemplate =
  "{% for message in messages %}[{{ message['role'] }}]{{ message['content'] }}{% endfor %}[a]";

/** A folder that goes when the test ends. */
export async function temporaryFolder(t: Pick<TestContext, 'after'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-commands-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A models directory with `tinyChatModel` in it. */
export async function tinyModels(t: Pick<TestContext, 'after'>): Promise<string> {
  const models = await temporaryFolder(t);
  const folder = join(models, tinyChatModel);
  await mkdir(folder);
  await writeTinyChatModel(folder);
  return models;
}

/** Fills a folder that exists. */
export async function writeTinyChatModel(folder: string): Promise<void> {
  const fixture = join(packageRoot, 'test/fixtures/llama-genai');
  for (const file of ['config.json', 'genai_config.json', 'model.onnx', 'model.onnx.data']) {
    await copyFile(join(fixture, file), join(folder, file));
  }
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(llama));
  await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify({ chat_template: chatTemplate }));
}
