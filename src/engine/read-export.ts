/** A model's graph as its sessions run it. Read anew for each session: nothing of it is kept while one is built. */
import { join } from 'node:path';
import { readWithWeightsInPlace } from '../onnx/graph-outline.js';
import { groupAttention } from '../onnx/grouped-attention.js';
import { halveAttention } from '../onnx/half-attention.js';
import type { ModelProto } from '../onnx/schema/onnx_pb.js';
import type { Device } from '../ort/device.js';
import { readModelSpec } from './model-spec.js';

/** How an export is changed before it is grafted. */
export interface ExportChanges {
  readonly on: Device | undefined;
  /** Of each layer: its attention becomes GroupQueryAttention. Null leaves it. */
  readonly windows: readonly number[] | null;
}

export interface ReadExport {
  /** As it stands in the file. */
  readonly exported: ModelProto;
  /** As it is to be grafted. */
  readonly model: ModelProto;
}

export async function readExport(directory: string, { on, windows }: ExportChanges): Promise<ReadExport> {
  const exported = await readWithWeightsInPlace(join(directory, 'model.onnx'));
  const grouped = windows
    ? groupAttention(exported, await readModelSpec(exported, directory), windows)
    : exported;
  return { exported, model: on?.name === 'cuda' ? halveAttention(grouped) : grouped };
}
