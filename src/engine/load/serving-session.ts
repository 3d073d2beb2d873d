/**
 * The session that serves a model: of the export as it is, or of its rewrite to GroupQueryAttention where the export
 * has none and the rewrite was seen to compute the same. Two sessions are never alive at once.
 */
import { mixesRows, roundsActivations } from '../../onnx/find/activation-rounding.js';
import { requirePlainAttention } from '../../onnx/graft/fixed-shapes.js';
import { graftForServing } from '../../onnx/graft/serving-graft.js';
import { Graph } from '../../onnx/graph/graph.js';
import { OnnxError, serializeModel } from '../../onnx/graph/model-file.js';
import { exposeMasks } from '../../onnx/rewrite/exposed-masks.js';
import { groupAttention } from '../../onnx/rewrite/grouped-attention.js';
import type { ModelProto } from '../../onnx/schema/onnx_pb.js';
import type { Device } from '../../ort/device.js';
import { Session, type SessionSettings } from '../../ort/session.js';
import { OrtError } from '../../ort/status.js';
import { type ModelSpec, readModelSpec } from '../model-spec.js';
import type { Arithmetic } from '../protocol.js';
import { checkRewrite, NotRewritten, planRewrite } from './attention-rewrite.js';
import { chooseCapacity } from './capacity.js';
import { type ExportChanges, readExport } from './read-export.js';

export interface ServingSession {
  readonly spec: ModelSpec;
  readonly session: Session;
  /** What the capture graft of the same graph needs. */
  readonly changes: ExportChanges;
  /** Quantised products whose exactness the export leaves open: set to 8 bits, and left in float32. */
  readonly products: { readonly set: number; readonly left: number };
  /** Whether an answer depends a little on those computed beside it. */
  readonly mixesRows: boolean;
  /** What became of an export without GroupQueryAttention; null for one that has it. */
  readonly note: string | null;
}

const rewritten =
  'the export has no GroupQueryAttention: its attention was rewritten to it, and gives the same logits';

const oneRowAtATime = (why: string) =>
  `the export has no GroupQueryAttention: it runs one sequence at a time, so many at once are no faster than one after another; its attention was not rewritten: ${why}`;

/**
 * @param capacity tokens of a slot; 0 leaves the choice to the model
 * @throws OnnxError, OrtError or the file system's error
 */
export async function openServingSession(
  directory: string,
  settings: SessionSettings,
  arithmetic: Arithmetic,
  capacity: number,
): Promise<ServingSession> {
  const unchanged: ExportChanges = { on: settings.device, arithmetic, windows: null };
  // Throws for an export without GroupQueryAttention that is to be captured: it is opened again without.
  const { graft, ...known } = await servingGraft(directory, unchanged, settings.captures);
  const asItIs = async (note: string | null): Promise<ServingSession> => ({
    ...known,
    session: await Session.create(graft, settings),
    changes: unchanged,
    note,
  });
  if (known.spec.kvLayout === 'in place') return asItIs(null);
  const tried = await tryRewrite(directory, unchanged, settings, capacity);
  return typeof tried === 'string' ? asItIs(oneRowAtATime(tried)) : tried;
}

/** @returns why it was not rewritten, if it was not. */
async function tryRewrite(
  directory: string,
  unchanged: ExportChanges,
  settings: SessionSettings,
  capacity: number,
): Promise<ServingSession | string> {
  try {
    const { graft, spec, masks, rounds } = await observedGraft(directory, unchanged);
    const plan = await watch(graft, settings, (session) =>
      planRewrite(session, spec, masks, chooseCapacity(capacity, spec)),
    );
    return await openRewrite(directory, { ...unchanged, windows: plan.windows }, settings, (session, its) =>
      checkRewrite(session, its, plan, { rounds }),
    );
  } catch (error) {
    if (error instanceof OnnxError || error instanceof OrtError || error instanceof NotRewritten)
      return error.message;
    throw error;
  }
}

async function openRewrite(
  directory: string,
  changes: ExportChanges,
  settings: SessionSettings,
  check: (session: Session, spec: ModelSpec) => void,
): Promise<ServingSession> {
  const { graft, ...known } = await servingGraft(directory, changes);
  const session = await Session.create(graft, settings);
  try {
    check(session, known.spec);
    return { ...known, session, changes, note: rewritten };
  } catch (error) {
    session.release();
    throw error;
  }
}

/** Lets `look` at a session, which is gone afterwards. */
async function watch<T>(
  graft: Uint8Array,
  settings: SessionSettings,
  look: (session: Session) => T,
): Promise<T> {
  const session = await Session.create(graft, settings);
  try {
    return look(session);
  } finally {
    session.release();
  }
}

async function servingGraft(directory: string, changes: ExportChanges, fixedShapes = false) {
  const { model, set, left } = await readExport(directory, changes);
  if (fixedShapes && changes.on?.name === 'webgpu') requirePlainAttention(new Graph(model));
  return {
    spec: await readModelSpec(model, directory),
    products: { set, left },
    mixesRows: !changes.on && mixesRows(model),
    graft: serving(model, changes.on, fixedShapes),
  };
}

/** The export with its masks to be seen. */
async function observedGraft(directory: string, unchanged: ExportChanges) {
  const { model } = await readExport(directory, unchanged);
  const spec = await readModelSpec(model, directory);
  // What the rewrite lacks shows at once; a session takes long.
  groupAttention(model, spec, []);
  const { model: exposed, masks } = exposeMasks(model);
  return { spec, masks, rounds: roundsActivations(new Graph(model)), graft: serving(exposed, unchanged.on) };
}

function serving(model: ModelProto, on: Device | undefined, fixedShapes = false): Uint8Array {
  const webGpu = on?.name === 'webgpu';
  return serializeModel(graftForServing(model, { floatLogits: true, fixedShapes, webGpu }));
}
