/** A model's graph as its sessions run it. Read anew for each session: nothing of it is kept while one is built. */
import { join } from 'node:path';
import { readWithWeightsInPlace } from '../../onnx/graph/graph-outline.js';
import { groupAttention } from '../../onnx/rewrite/grouped-attention.js';
import { halveAttention } from '../../onnx/rewrite/half-attention.js';
import { type IntegerProducts, multiplyInIntegers } from '../../onnx/rewrite/integer-products.js';
import type { ModelProto } from '../../onnx/schema/onnx_pb.js';
import type { Device } from '../../ort/device.js';
import { readModelSpec } from '../model-spec.js';
import type { Arithmetic } from '../protocol.js';

/** How an export is changed before it is grafted. */
export interface ExportChanges {
  readonly on: Device | undefined;
  readonly arithmetic: Arithmetic;
  /** Of each layer: its attention becomes GroupQueryAttention. Null leaves it. */
  readonly windows: readonly number[] | null;
}

export interface ReadExport extends IntegerProducts {
  /** As it stands in the file. */
  readonly exported: ModelProto;
}

/** `model` is the graph to be grafted: for serving and capture alike, so that a fit reads what its vectors will edit. */
export async function readExport(directory: string, changes: ExportChanges): Promise<ReadExport> {
  const exported = await readWithWeightsInPlace(join(directory, 'model.onnx'));
  const { on, arithmetic, windows } = changes;
  const grouped = windows
    ? groupAttention(exported, await readModelSpec(exported, directory), windows)
    : exported;
  if (on) return { exported, model: on.name === 'cuda' ? halveAttention(grouped) : grouped, set: 0, left: 0 };
  if (arithmetic === 'export') return { exported, model: grouped, set: 0, left: 0 };
  return { exported, ...multiplyInIntegers(grouped, arithmetic === 'int8') };
}
