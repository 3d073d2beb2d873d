/** The embedded model's folder and what Hugging Face transformers says about it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/common/package.js';
import type { ChatMessage } from '../../src/text/chat-template.js';

export const modelDirectory = join(packageRoot, 'models/smollm2-135m-instruct');

interface Golden {
  readonly tokenize: readonly { readonly text: string; readonly ids: number[] }[];
  readonly chat_template: readonly { readonly messages: readonly ChatMessage[]; readonly text: string }[];
}

export const golden = JSON.parse(
  readFileSync(join(packageRoot, 'test/fixtures/smollm2-135m-instruct.json'), 'utf8'),
) as Golden;
