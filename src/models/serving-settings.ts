/**
 * How each model is served: what `steerd.json` in its folder says, and the server's settings for the rest. The file is
 * read whenever the model is loaded.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { devices } from '../config.js';
import {
  type Arithmetic,
  arithmetics,
  type DeviceSettings,
  type KvCacheType,
  kvCacheTypes,
} from '../engine/worker-settings.js';
import { errors } from '../errors.js';
import { validate } from '../schemas/validation.js';
import { reasoningMarks, toolFormats } from '../text/answer-marks.js';
import type { AnswerMarks } from '../text/chat-template.js';

const settingsFile = 'steerd.json';

/** How a model's engine is set up; 0 leaves the choice to it. */
export interface ModelSettings {
  readonly threads: number;
  readonly slots: number;
  /** Tokens of one slot. */
  readonly context: number;
  /** The same where it runs on a device; as `context` when left out. */
  readonly deviceContext?: number;
  readonly prefillChunk: number;
  /** Tokens of an answer to a request that does not say; 0 or left out for what the context has room for. */
  readonly answerTokens?: number;
  /** MiB for beginnings of prompts, to be used again; none are kept when left out or 0. */
  readonly prefixMemory?: number;
  /** Most tokens of a draft, computed together with a lone answer's next token; none when left out or 0. */
  readonly draftTokens?: number;
  /** Whether requests with one API key may use those of another; not when left out. */
  readonly sharePrefixes?: boolean;
  /** Interactive sequences that may wait. */
  readonly queue: number;
  /** The CPU when left out. */
  readonly device?: DeviceSettings['device'];
  /** Which CUDA device. */
  readonly deviceIndex?: number;
  /** MiB of its memory that CUDA may take; 0 for no limit. */
  readonly deviceMemory?: number;
  /** `auto` when left out. */
  readonly arithmetic?: Arithmetic;
  /** `export` when left out. */
  readonly kvCache?: KvCacheType;
  /** Whether decode steps shall be device graphs; not when left out. */
  readonly deviceGraph?: boolean;
  /** Folder that keeps prepared weights from one start to the next; null or left out for none. */
  readonly cacheDirectory?: string | null;
  /** How it writes calls of tools, and marks its reasoning; its chat template says when left out. */
  readonly marks?: AnswerMarks;
}

export interface ServingSettings extends ModelSettings {
  /** Unused for that long, the model is unloaded; 0 for never. */
  readonly idleSeconds: number;
  /** Neither idle time nor the need for memory unloads it. */
  readonly pinned: boolean;
}

/** The same bounds as the server's settings have (config.ts). */
export const SettingsFile = z
  .strictObject({
    device: z.enum(devices),
    device_index: z.int().min(0).max(63),
    device_memory: z.int().min(0).max(1_048_576),
    arithmetic: z.enum(arithmetics),
    kv_cache: z.enum(kvCacheTypes),
    device_graph: z.boolean(),
    threads: z.int().min(0).max(1024),
    slots: z.int().min(1).max(1024),
    context: z
      .int()
      .min(0)
      .max(1_048_576)
      .refine((tokens) => tokens === 0 || tokens >= 16, { error: 'must be 0 or at least 16' }),
    answer_tokens: z.int().min(0).max(1_048_576),
    prefill_chunk: z.int().min(1).max(65_536),
    prefix_memory: z.int().min(0).max(1_048_576),
    draft_tokens: z.int().min(0).max(15),
    queue: z.int().min(0).max(1_000_000),
    idle_seconds: z.int().min(0).max(31_536_000),
    pinned: z.boolean(),
    tool_format: z.enum(['auto', ...toolFormats]),
    reasoning: z.enum(['auto', 'none', ...reasoningMarks.map(({ open }) => open)]),
  })
  .partial();

/** @throws SteerdError model_unavailable that names the file and its first fault */
export async function readServingSettings(
  id: string,
  directory: string,
  usual: ServingSettings,
): Promise<ServingSettings> {
  const path = join(directory, settingsFile);
  const refuse = (reason: string) => errors.modelUnavailable(id, `${path}: ${reason.replace(/\.$/, '')}`);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return usual;
    throw refuse((error as Error).message);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`it is not JSON: ${(error as Error).message}`);
  }
  const checked = validate(SettingsFile, value);
  if ('error' in checked) throw refuse(checked.error.message.replace(/^the request body/, 'the file'));
  const own = checked.value;
  return {
    threads: own.threads ?? usual.threads,
    slots: own.slots ?? usual.slots,
    context: own.context ?? usual.context,
    prefillChunk: own.prefill_chunk ?? usual.prefillChunk,
    answerTokens: own.answer_tokens ?? usual.answerTokens ?? 0,
    prefixMemory: own.prefix_memory ?? usual.prefixMemory ?? 0,
    draftTokens: own.draft_tokens ?? usual.draftTokens ?? 0,
    sharePrefixes: usual.sharePrefixes ?? false,
    queue: own.queue ?? usual.queue,
    device: own.device ?? usual.device ?? 'cpu',
    deviceIndex: own.device_index ?? usual.deviceIndex ?? 0,
    deviceMemory: own.device_memory ?? usual.deviceMemory ?? 0,
    arithmetic: own.arithmetic ?? usual.arithmetic ?? 'auto',
    kvCache: own.kv_cache ?? usual.kvCache ?? 'export',
    deviceGraph: own.device_graph ?? usual.deviceGraph ?? false,
    cacheDirectory: usual.cacheDirectory ?? null,
    idleSeconds: own.idle_seconds ?? usual.idleSeconds,
    pinned: own.pinned ?? usual.pinned,
    ...((own.tool_format ?? own.reasoning) && { marks: marksOf(own) }),
  };
}

/** Nothing for what the chat template is to say. */
const marksOf = (own: z.output<typeof SettingsFile>): AnswerMarks => ({
  ...(own.tool_format && own.tool_format !== 'auto' && { toolFormat: own.tool_format }),
  ...(own.reasoning &&
    own.reasoning !== 'auto' && {
      reasoning: reasoningMarks.find(({ open }) => open === own.reasoning) ?? null,
    }),
});
