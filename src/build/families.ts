/** The families of decoders that graphs are built for, by the `model_type` of their configurations. */

import type { Family } from './description/family.js';
import { gemma2 } from './families/gemma2.js';
import { gemma3 } from './families/gemma3.js';
import { granite } from './families/granite.js';
import { llama } from './families/llama.js';
import { mistral } from './families/mistral.js';
import { olmo2 } from './families/olmo2.js';
import { phi3 } from './families/phi3.js';
import { qwen2 } from './families/qwen2.js';
import { qwen3 } from './families/qwen3.js';
import { smollm3 } from './families/smollm3.js';

export const families: ReadonlyMap<string, Family> = new Map(
  [llama, mistral, qwen2, qwen3, gemma2, gemma3, phi3, olmo2, smollm3, granite].map((family) => [
    family.modelType,
    family,
  ]),
);
