/** Loads one model folder: engine, tokenizer, chat template and stop tokens, or a clear reason why not. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { shrinkJsHeap } from '../../common/js-heap.js';
import { unixSeconds } from '../../common/stamps.js';
import { WorkerEngine } from '../../engine/client/worker-engine.js';
import type { TokenSet } from '../../engine/worker-settings.js';
import { errors, SteerdError } from '../../errors.js';
import { loadChatTemplate } from '../../text/chat-template.js';
import { loadSamplingDefaults } from '../../text/generation-config.js';
import { keepMarks } from '../../text/kept-tokens.js';
import { loadTokenizer } from '../../text/load-tokenizer.js';
import { loadStopTokens } from '../../text/stop-tokens.js';
import { grammarVocabulary } from '../../text/token-bytes.js';
import type { Tokenizer } from '../../text/tokenizer.js';
import { readManifest } from '../disk/manifest.js';
import { costOf } from '../disk/precision-cost.js';
import type { LoadedModel } from '../model.js';
import type { ModelSettings } from '../serving-settings.js';
import { calibrationTokens } from './calibration-text.js';

/** A loaded model whose worker may die under it. */
export interface RunningModel extends LoadedModel {
  /** Resolves when the engine's worker is gone, with the reason. */
  readonly died: Promise<Error>;
  /** Where it runs: cuda, webgpu or cpu. */
  readonly device: string;
  /** Lets it have that many bytes for beginnings of prompts. */
  keep?(bytes: number): void;
  /** What the log should say about how it was loaded. */
  readonly warnings: readonly string[];
  /** What the log may say about what it is. */
  readonly notes?: readonly string[];
}

/** @throws SteerdError model_unavailable that names the file at fault. */
export async function loadModel(
  id: string,
  directory: string,
  settings: ModelSettings,
): Promise<RunningModel> {
  for (const file of ['model.onnx', 'tokenizer.json']) {
    await access(join(directory, file)).catch(() => {
      throw errors.modelUnavailable(id, `${join(directory, file)} is missing`);
    });
  }
  try {
    const [tokenizer, chatTemplate, samplingDefaults] = await Promise.all([
      loadTokenizer(directory),
      loadChatTemplate(directory, settings.marks),
      loadSamplingDefaults(directory),
    ]);
    const stopTokens = await loadStopTokens(directory, tokenizer);
    const starting = WorkerEngine.start({
      model: id,
      directory,
      threads: settings.threads,
      slots: settings.slots,
      capacity: settings.context,
      deviceCapacity: settings.deviceContext ?? settings.context,
      prefillChunk: settings.prefillChunk,
      prefixBytes: (settings.prefixMemory ?? 0) * 1024 ** 2,
      sharePrefixes: settings.sharePrefixes ?? false,
      draftTokens: settings.draftTokens ?? 0,
      queue: settings.queue,
      where: {
        device: settings.device ?? 'cpu',
        deviceIndex: settings.deviceIndex ?? 0,
        deviceMemory: (settings.deviceMemory ?? 0) * 1024 ** 2,
        deviceGraph: settings.deviceGraph ?? false,
      },
      arithmetic: settings.arithmetic ?? 'auto',
      kvCache: settings.kvCache ?? 'export',
      hasToken: tokensOf(tokenizer),
      vocabulary: () => grammarVocabulary(keepMarks(tokenizer), stopTokens),
      calibration: calibrationTokens(tokenizer, chatTemplate),
      cacheDirectory: settings.cacheDirectory ?? null,
    });
    // While the worker loads the weights: the tokenizer's garbage and they need not be in memory together.
    const [engine] = await Promise.all([starting, shrinkJsHeap()]);
    const manifest = await readManifest(directory);
    const cost = manifest?.format === 2 ? costOf(manifest) : null;
    const created = unixSeconds();
    const { died, device, warnings } = engine;
    const keep = (bytes: number) => engine.keep(bytes);
    return {
      ...{ id, directory, engine, tokenizer, chatTemplate, stopTokens, samplingDefaults },
      ...{ created, died, device, warnings, keep, answerTokens: settings.answerTokens ?? 0 },
      notes: [...engine.notes, ...(cost === null ? [] : [cost])],
    };
  } catch (error) {
    if (error instanceof SteerdError) throw error;
    throw errors.modelUnavailable(id, (error as Error).message);
  }
}

/** The ids that the tokenizer has a token for. */
function tokensOf(tokenizer: Tokenizer): TokenSet {
  const end = tokenizer.vocabularySize;
  const without: number[] = [];
  for (let id = 0; id < end; id++) if (tokenizer.piece && tokenizer.piece(id) === undefined) without.push(id);
  return { end, without };
}
