/** A model's grafted sessions: the serving graft at once, the capture graft when a fit first needs it. */

import { productWeights } from '../../onnx/find/product-weights.js';
import { graftForCapture } from '../../onnx/graft/capture-graft.js';
import { OnnxError, serializeModel } from '../../onnx/graph/model-file.js';
import type { Device } from '../../ort/device.js';
import { PrepackedWeights, Session, type SessionSettings } from '../../ort/session.js';
import { SharedWeights } from '../../ort/shared-weights.js';
import { onDevice, reasonOf } from '../devices.js';
import { fingerprintModel, type ModelSpec } from '../model-spec.js';
import type { Arithmetic, DeviceSettings } from '../protocol.js';
import { type ChunkLimits, chunkLimits } from '../run/chunk-probe.js';
import { nodeByNode } from '../run/decode-graphs.js';
import { type ExportChanges, readExport } from './read-export.js';
import { openServingSession } from './serving-session.js';

export interface LoadedGraphs {
  readonly spec: ModelSpec;
  readonly fingerprint: string;
  readonly serving: Session;
  readonly chunks: ChunkLimits;
  readonly device: string;
  /** What whoever loads the model should know. */
  readonly warnings: readonly string[];
  /** Builds the capture session once; both sessions share the prepacked weights. */
  capture(): Promise<Session>;
  /** Gives the weights' memory back; nothing may be bound to the sessions any more. */
  release(): Promise<void>;
}

const onCpu: DeviceSettings = { device: 'cpu', deviceIndex: 0, deviceMemory: 0 };

const wholePrompts =
  'the export takes a prompt in one piece only: running streams wait while a long one is read';

const shortChunks = (longest: number) =>
  `the device computes long chunks of a prompt wrong: they are cut to ${longest} tokens`;

const inIntegers =
  'the export leaves open how exactly its quantised weights are multiplied: the CPU does it in 8 bits, which is faster; "arithmetic": "export" keeps float32';

const amongOthers =
  'the 8-bit arithmetic of the export lets an answer depend a little on those computed beside it';

const inFloats =
  'the export leaves open how exactly its 4-bit weights are multiplied: the CPU does it in float32; "arithmetic": "int8" is about twice as fast, but an answer then depends a little on those computed beside it';

/**
 * @param capacity tokens of a slot; 0 leaves the choice to the model
 * @throws OnnxError, OrtError or the file system's error, each saying what is wrong with the model.
 */
export async function loadGraphs(
  directory: string,
  threads: number,
  where: DeviceSettings = onCpu,
  arithmetic: Arithmetic = 'auto',
  capacity = 0,
): Promise<LoadedGraphs> {
  const { fingerprint, external } = await identify(directory);
  const prepacked = new PrepackedWeights();
  const weights = new SharedWeights(directory, external);
  const settings: SessionSettings = {
    threads,
    weightsDirectory: directory,
    spinning: true,
    prepacked,
    weights,
  };
  const openAs = async (on: Device | undefined, captures: boolean) => {
    const session = { ...settings, device: on, captures };
    const opened = await openServingSession(directory, session, arithmetic, capacity);
    const { spec, session: serving } = opened;
    try {
      return { ...opened, chunks: chunkLimits(spec, serving), notCaptured: null };
    } catch (error) {
      // The next device may have no room beside it.
      serving.release();
      throw error;
    }
  };
  const open = async (on: Device | undefined) => {
    if (!where.deviceGraph) return openAs(on, false);
    if (!on) return { ...(await openAs(on, false)), notCaptured: 'the CPU has none' };
    try {
      return await openAs(on, true);
    } catch (error) {
      // What stands in the way of every session, and not of these graphs, is thrown by the next one.
      return { ...(await openAs(on, false)), notCaptured: reasonOf(error as Error) };
    }
  };
  const { made, device, warning } = await onDevice(where, open);
  const { spec, session: serving, chunks, changes, note, products, mixesRows, notCaptured } = made;
  const warnings = [
    ...(warning ? [warning] : []),
    ...(notCaptured ? [nodeByNode(notCaptured)] : []),
    ...(note ? [note] : []),
    ...(products.set > 0 ? [inIntegers] : []),
    ...(products.left > 0 ? [inFloats] : []),
    ...(mixesRows && spec.kvLayout === 'in place' ? [amongOthers] : []),
    ...(chunks.inPieces ? [] : [wholePrompts]),
    ...(chunks.longest === Number.POSITIVE_INFINITY ? [] : [shortChunks(chunks.longest)]),
  ];
  let capture: Promise<Session> | null = null;
  return {
    spec,
    fingerprint,
    serving,
    chunks,
    device,
    warnings,
    capture: () => {
      capture ??= captureGraft(directory, changes, fingerprint).then((graft) =>
        Session.create(graft, { ...settings, device: changes.on }),
      );
      return capture;
    },
    release: async () => {
      const built = await capture?.catch(() => null);
      built?.release();
      serving.release();
      prepacked.release();
      weights.release();
    },
  };
}

/** What the files are, whatever is made of them. */
async function identify(directory: string) {
  const { exported } = await readExport(directory, { on: undefined, arithmetic: 'export', windows: null });
  return {
    fingerprint: await fingerprintModel(exported, directory),
    external: productWeights(exported),
  };
}

/** @throws OnnxError when the files are no longer those that were loaded */
async function captureGraft(
  directory: string,
  changes: ExportChanges,
  fingerprint: string,
): Promise<Uint8Array> {
  const { exported, model } = await readExport(directory, changes);
  if ((await fingerprintModel(exported, directory)) !== fingerprint)
    throw new OnnxError(`the files in ${directory} were replaced after the model was loaded: load it again`);
  return serializeModel(graftForCapture(model, { logits: false }));
}
