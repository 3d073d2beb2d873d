/** What the engine must know of an export before it can run it: sizes, and the names of its inputs. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { findLayerCaches, type LayerCache } from '../onnx/find/residual-stream.js';
import { logitCountInput } from '../onnx/graft/open-export.js';
import { dataTypes } from '../onnx/graph/data-types.js';
import { Graph } from '../onnx/graph/graph.js';
import { externalDataFiles, OnnxError } from '../onnx/graph/model-file.js';
import { attributeOf } from '../onnx/graph/node.js';
import type { ModelProto, ValueInfoProto } from '../onnx/schema/onnx_pb.js';
import type { ElementType } from '../ort/tensor.js';
import { contextLimit } from './context-limit.js';

export interface ModelSpec {
  readonly layers: readonly LayerCache[];
  readonly hiddenSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly kvType: ElementType;
  readonly vocabularySize: number;
  /** Longest sequence that the export computes as the model was made to. */
  readonly contextLength: number;
  /** Why it is that long, in words. */
  readonly contextWhy: string;
  /** Widest sliding window of an attention layer in tokens; 0 without one. */
  readonly slidingWindow: number;
  /** Whether the export has the input `position_ids`. */
  readonly takesPositions: boolean;
  /** Whether the export has the input `attention_mask`. */
  readonly takesMask: boolean;
  /**
   * How the graph keeps keys and values. `in place`: GroupQueryAttention writes new ones behind the old ones in the same
   * buffer, and the rows of a batch may have different lengths. `concatenated`: the graph returns old and new ones
   * together, and runs one row at a time.
   */
  readonly kvLayout: 'in place' | 'concatenated';
}

interface JsonObject {
  readonly [key: string]: unknown;
}

/** Reads a JSON object from the model's folder; an absent file is an empty object. */
async function readJson(directory: string, file: string): Promise<JsonObject> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, file), 'utf8'));
    return isObject(value) ? value : {};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new OnnxError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function dimension(info: ValueInfoProto | undefined, axis: number): number | undefined {
  const type = info?.type?.value;
  const size = type?.case === 'tensorType' ? type.value.shape?.dim[axis]?.value : undefined;
  return size?.case === 'dimValue' && size.value > 0n ? Number(size.value) : undefined;
}

/**
 * Sizes come from the graph where it fixes them, else from genai_config.json or config.json.
 * @throws OnnxError when a size is nowhere given, or the engine cannot feed the graph's inputs
 */
export async function readModelSpec(model: ModelProto, directory: string): Promise<ModelSpec> {
  const graph = new Graph(model);
  const layers = findLayerCaches(graph);
  const config = await readJson(directory, 'config.json');
  const text = isObject(config.text_config) ? config.text_config : config;
  const genai = (await readJson(directory, 'genai_config.json')).model;
  const genaiModel = isObject(genai) ? genai : {};
  const decoder = isObject(genaiModel.decoder) ? genaiModel.decoder : {};

  const first = layers[0];
  const attention = layers.map(({ presentKey }) => graph.producer(presentKey));
  const grouped = attention.filter((node) => node?.opType === 'GroupQueryAttention');
  if (grouped.length > 0 && grouped.length < layers.length)
    throw new OnnxError(
      `${grouped.length} of ${layers.length} layers use GroupQueryAttention: all or none of them must`,
    );
  checkInputs(graph, layers);
  const pastKey = graph.inputs().find((input) => input.name === first?.pastKey);
  const logits = graph.proto.output.find((output) => output.name === 'logits');
  const size = (what: string, ...candidates: unknown[]): number => {
    const found = candidates.find(
      (value) => typeof value === 'number' && Number.isInteger(value) && value > 0,
    );
    if (typeof found !== 'number')
      throw new OnnxError(
        `${what} is neither fixed in the graph nor given in config.json or genai_config.json`,
      );
    return found;
  };
  const heads = size(
    'the number of attention heads',
    attention[0] && attributeOf(attention[0], 'num_heads'),
    text.num_attention_heads,
    decoder.num_attention_heads,
    text.n_head,
  );
  const hiddenSize = size('the hidden size', text.hidden_size, decoder.hidden_size, text.n_embd);
  const kvCode = pastKey?.type?.value.case === 'tensorType' ? pastKey.type.value.value.elemType : 0;
  const kvType = kvTypes.get(kvCode);
  if (!kvType) throw new OnnxError(`the KV cache has element type ${kvCode}; float32 and float16 are known`);
  const context = contextLimit(
    graph,
    size('the context length', genaiModel.context_length, text.max_position_embeddings, text.n_positions),
    text,
  );
  return {
    layers,
    hiddenSize,
    heads,
    kvHeads: size(
      'the number of KV heads',
      dimension(pastKey, 1),
      attention[0] && attributeOf(attention[0], 'kv_num_heads'),
      text.num_key_value_heads,
      decoder.num_key_value_heads,
    ),
    headSize: size(
      'the head size',
      dimension(pastKey, 3),
      decoder.head_size,
      text.head_dim,
      hiddenSize / heads,
    ),
    kvType,
    vocabularySize: size('the vocabulary size', dimension(logits, 2), text.vocab_size, genaiModel.vocab_size),
    contextLength: context.tokens,
    contextWhy: context.why,
    slidingWindow: Math.max(0, ...layers.map((layer) => slidingWindow(graph, layer))),
    takesPositions: graph.inputs().some((input) => input.name === 'position_ids'),
    takesMask: graph.inputs().some((input) => input.name === 'attention_mask'),
    kvLayout: grouped.length > 0 ? 'in place' : 'concatenated',
  };
}

const knownInputs: ReadonlySet<string> = new Set([
  'input_ids',
  'attention_mask',
  'position_ids',
  logitCountInput,
]);

/** @throws OnnxError when an input is missing, or there is one that the engine cannot feed. */
function checkInputs(graph: Graph, layers: readonly LayerCache[]): void {
  const caches = new Set(layers.flatMap(({ pastKey, pastValue }) => [pastKey, pastValue]));
  const names = graph.inputs().map(({ name }) => name);
  const unknown = names.filter((name) => !knownInputs.has(name) && !caches.has(name));
  const missing = ['input_ids'].filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw new OnnxError(`the export has no input ${missing.join(' and no ')}; it has ${names.join(', ')}`);
  if (unknown.length > 0)
    throw new OnnxError(`the export wants inputs that a text decoder does not have: ${unknown.join(', ')}`);
}

function slidingWindow(graph: Graph, layer: LayerCache): number {
  const attention = graph.producer(layer.presentKey);
  return (attention && attributeOf(attention, 'local_window_size')) ?? 0;
}

const kvTypes: ReadonlyMap<number, ElementType> = new Map([
  [dataTypes.float32, 'float32'],
  [dataTypes.float16, 'float16'],
]);

const modelFile = 'model.onnx';
const sampleBytes = 1 << 20;

/**
 * SHA-256 that tells one export from another: the graph whole, and of each weights file its name, its size
 * and three samples of 1 MiB (hashing gigabytes at every start would cost more than it tells).
 */
export async function fingerprintModel(model: ModelProto, directory: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(join(directory, modelFile), { highWaterMark: sampleBytes }))
    hash.update(piece as Buffer);
  // Weights in the graph's own file are part of the hash already.
  const others = externalDataFiles(model).filter((file) => file !== modelFile);
  for (const file of others.sort()) {
    const path = join(directory, file);
    const { size } = await stat(path);
    hash.update(`\0${file}\0${size}\0`);
    const handle = await open(path);
    try {
      for (const start of new Set([0, (size - sampleBytes) / 2, size - sampleBytes])) {
        const buffer = Buffer.alloc(Math.min(sampleBytes, size));
        await handle.read(buffer, 0, buffer.length, Math.max(0, Math.floor(start)));
        hash.update(buffer);
      }
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex');
}
