/**
 * A model's graph as its sessions run it: the export is read, rewritten for the device, grafted and serialised. It is
 * read anew for each session, so that nothing of it takes memory while a session is built.
 */
import { join } from 'node:path';
import { mixesRows, roundsActivations } from '../../onnx/find/activation-rounding.js';
import { columnProducts } from '../../onnx/find/column-products.js';
import { productWeights } from '../../onnx/find/product-weights.js';
import { graftForCapture } from '../../onnx/graft/capture-graft.js';
import { requirePlainAttention } from '../../onnx/graft/fixed-shapes.js';
import { graftForServing } from '../../onnx/graft/serving-graft.js';
import { Graph } from '../../onnx/graph/graph.js';
import { readWithWeightsInPlace } from '../../onnx/graph/graph-outline.js';
import { externalDataFiles, OnnxError, serializeModel } from '../../onnx/graph/model-file.js';
import { checkWeightFiles } from '../../onnx/graph/weight-files.js';
import { fullLevels } from '../../onnx/rewrite/column-levels.js';
import { type ColumnForm, exposePeaks, multiplyByColumn } from '../../onnx/rewrite/column-products.js';
import { exposeMasks } from '../../onnx/rewrite/exposed-masks.js';
import { groupAttention } from '../../onnx/rewrite/grouped-attention.js';
import { halveAttention } from '../../onnx/rewrite/half-attention.js';
import { type IntegerProducts, multiplyInIntegers } from '../../onnx/rewrite/integer-products.js';
import { type KvScales, quantizeKv } from '../../onnx/rewrite/quantized-kv.js';
import { type SplitBy, splitAttention } from '../../onnx/rewrite/split-attention.js';
import type { ModelProto } from '../../onnx/schema/onnx_pb.js';
import type { Device } from '../../ort/device.js';
import { fingerprintModel, readModelSpec } from '../model-spec.js';
import type { Arithmetic } from '../worker-settings.js';
import { placeOfWeights, relocateWeights } from './linked-weights.js';

/** How an export is rewritten before it is grafted. */
export interface ExportChanges {
  readonly on: Device | undefined;
  readonly arithmetic: Arithmetic;
  /** Of each layer, its sliding window: its attention becomes GroupQueryAttention. Null leaves attention as it is. */
  readonly windows: readonly number[] | null;
  /** Products that are multiplied by column; null for none. */
  readonly columns: ColumnForm | null;
  /** Keys and values in 8 bits when serving; not when left out. */
  readonly kvScales?: ReadonlyMap<string, KvScales>;
}

interface ReadExport extends IntegerProducts {
  /** As it is in the file. */
  readonly exported: ModelProto;
}

/**
 * `model` is the graph to be grafted, the same for serving and capture: so a fit reads the activations that its vectors
 * will edit.
 */
async function readExport(directory: string, changes: ExportChanges): Promise<ReadExport> {
  const exported = await readWithWeightsInPlace(join(directory, 'model.onnx'));
  const { on, arithmetic, windows } = changes;
  const grouped = windows
    ? groupAttention(exported, await readModelSpec(exported, directory), windows)
    : exported;
  if (on) return { exported, model: on.name === 'cuda' ? halveAttention(grouped) : grouped, set: 0, left: 0 };
  if (arithmetic === 'export') return { exported, model: grouped, set: 0, left: 0 };
  return { exported, ...multiplyInIntegers(grouped, arithmetic === 'int8') };
}

/**
 * What is the same for all sessions of a model: its fingerprint, the weights that they share, and the names of the files
 * that weights lie in.
 * @throws OnnxError, when a file of weights is missing or something else, for instance; the file system's error
 */
export async function identifyExport(directory: string) {
  const { exported } = await readExport(directory, {
    on: undefined,
    arithmetic: 'export',
    windows: null,
    columns: null,
  });
  await checkWeightFiles(exported, directory);
  const files = externalDataFiles(exported);
  return {
    fingerprint: await fingerprintModel(exported, directory),
    external: productWeights(exported),
    files,
    /** The folder that a session is told of. */
    weightsDirectory: (await placeOfWeights(directory, files)).directory,
  };
}

/**
 * @param fixedShapes whether the device shall capture its runs
 * @throws OnnxError
 */
export async function servingGraft(directory: string, changes: ExportChanges, fixedShapes = false) {
  const { model, set, left } = await readExport(directory, changes);
  if (fixedShapes && changes.on?.name === 'webgpu') requirePlainAttention(new Graph(model));
  return {
    spec: await readModelSpec(model, directory),
    products: { set, left },
    mixesRows: !changes.on && mixesRows(byColumn(model, changes)),
    graft: await serializedServing(directory, model, changes, fixedShapes),
  };
}

/** The serving graft of an export whose attention masks are further outputs. @throws OnnxError */
export async function observableGraft(directory: string, unchanged: ExportChanges) {
  const { model } = await readExport(directory, unchanged);
  const spec = await readModelSpec(model, directory);
  // Throws where the rewrite is impossible: this takes far less time than building a session.
  groupAttention(model, spec, []);
  const { model: exposed, masks } = exposeMasks(model);
  return {
    spec,
    masks,
    rounds: roundsActivations(new Graph(model)),
    graft: await serializedServing(directory, exposed, unchanged),
  };
}

async function serializedServing(
  directory: string,
  model: ModelProto,
  changes: ExportChanges,
  fixedShapes = false,
  parts: { readonly by: SplitBy; readonly count: number } | null = null,
): Promise<Uint8Array> {
  const webGpu = changes.on?.name === 'webgpu';
  const tokens = parts?.by === 'tokens' ? parts.count : 1;
  const graft = graftForServing(model, { floatLogits: true, fixedShapes, webGpu, tokens });
  const { kvScales } = changes;
  const kept = kvScales ? quantizeKv(graft, kvScales) : graft;
  const split = parts ? splitAttention(kept, parts.by, parts.count) : kept;
  return serializeModel(await relocateWeights(byColumn(split, changes), directory));
}

/**
 * The serving graft for runs of so many tokens of one row, each of which attends as in a decode step.
 * @param changes those of the serving graft
 * @throws OnnxError, when attention cannot be split, for instance; the file system's error
 */
export async function draftGraft(
  directory: string,
  changes: ExportChanges,
  tokens: number,
): Promise<Uint8Array> {
  const { model } = await readExport(directory, changes);
  return serializedServing(directory, model, changes, false, { by: 'tokens', count: tokens });
}

/**
 * The serving graft for runs of so many rows of several tokens, each behind a past of its own.
 * @param changes those of the serving graft
 * @throws OnnxError when the files are no longer those with this fingerprint, or attention cannot be split
 */
export async function rowsGraft(
  directory: string,
  changes: ExportChanges,
  fingerprint: string,
  rows: number,
): Promise<Uint8Array> {
  const { exported, model } = await readExport(directory, changes);
  await requireSame(directory, exported, fingerprint);
  return serializedServing(directory, model, changes, false, { by: 'rows', count: rows });
}

async function requireSame(directory: string, exported: ModelProto, fingerprint: string): Promise<void> {
  if ((await fingerprintModel(exported, directory)) !== fingerprint)
    throw new OnnxError(`the files in ${directory} were replaced after the model was loaded: load it again`);
}

/** The products of a graft by column; grafting before leaves the blocks to be found as the export has them. */
function byColumn(graft: ModelProto, { columns }: ExportChanges): ModelProto {
  return columns ? multiplyByColumn(graft, columns) : graft;
}

/**
 * The serving graft of an export for the CPU that gives out how large its activations become, by the groups of products
 * that can be multiplied by column; null where there are none.
 * @throws OnnxError
 */
export async function calibrationGraft(directory: string, arithmetic: Arithmetic) {
  const unchanged = { on: undefined, arithmetic, windows: null, columns: null };
  const { model } = await readExport(directory, unchanged);
  if (columnProducts(model).length === 0) return null;
  const graft = graftForServing(model, { floatLogits: true });
  // Before any work: it throws where the rewrite is impossible.
  multiplyByColumn(graft, { levels: fullLevels, groups: new Map(), products: new Map() });
  const groups = columnProducts(graft);
  const outputs = exposePeaks(graft, groups);
  return {
    spec: await readModelSpec(model, directory),
    groups,
    outputs,
    graft: serializeModel(await relocateWeights(graft, directory)),
  };
}

/**
 * @param rows of every run: with several, attention is split by rows
 * @throws OnnxError when the files are no longer those with this fingerprint, or attention cannot be split
 */
export async function captureGraft(
  directory: string,
  changes: ExportChanges,
  fingerprint: string,
  rows = 1,
): Promise<Uint8Array> {
  const { exported, model } = await readExport(directory, changes);
  await requireSame(directory, exported, fingerprint);
  const graft = graftForCapture(model, { logits: false });
  const split = rows > 1 ? splitAttention(graft, 'rows', rows) : graft;
  return serializeModel(await relocateWeights(byColumn(split, changes), directory));
}
