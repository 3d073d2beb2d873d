/**
 * The session that serves a model: of the export as it is, or of its rewrite to GroupQueryAttention where the export
 * has none and the rewrite was seen to compute the same. Only one of these sessions is in memory at a time.
 */
import { OnnxError } from '../../onnx/graph/model-file.js';
import type { ColumnForm } from '../../onnx/rewrite/column-products.js';
import { Session, type SessionSettings } from '../../ort/session.js';
import { OrtError } from '../../ort/status.js';
import { chooseContext } from '../kv/cache-size.js';
import type { ModelSpec } from '../model-spec.js';
import type { Arithmetic } from '../worker-settings.js';
import { checkRewrite, NotRewritten, planRewrite } from './attention-rewrite.js';
import { type ExportChanges, observableGraft, servingGraft } from './grafts.js';
import { readKvScales } from './kv-scales.js';

interface ServingSession {
  readonly spec: ModelSpec;
  readonly session: Session;
  /** What the capture graft of the same graph needs. */
  readonly changes: ExportChanges;
  /** Numbers of quantised products whose exactness the export leaves open: set to 8 bits, and left in float32. */
  readonly products: { readonly set: number; readonly left: number };
  /** Whether an answer depends a little on the other rows of its batch. */
  readonly mixesRows: boolean;
  /** For the log: what was done about an export without GroupQueryAttention; null for one that has it. */
  readonly note: string | null;
}

const rewritten =
  'the export has no GroupQueryAttention: its attention was rewritten to it, and gives the same logits';

const oneRowAtATime = (why: string) =>
  `the export has no GroupQueryAttention: it runs one sequence at a time, so many at once are no faster than one after another; its attention was not rewritten: ${why}`;

/**
 * @param capacity tokens of a slot; 0 for the default
 * @param columns products that are multiplied by column
 * @throws OnnxError, OrtError or the file system's error
 */
export async function openServingSession(
  directory: string,
  settings: SessionSettings,
  arithmetic: Arithmetic,
  capacity: number,
  columns: ColumnForm | null,
): Promise<ServingSession> {
  const unchanged: ExportChanges = { on: settings.device, arithmetic, windows: null, columns };
  // Throws for an export without GroupQueryAttention whose runs shall be captured: the caller then opens it without.
  const { graft, ...known } = await servingGraft(directory, unchanged, settings.captures);
  const unrewritten = async (note: string | null): Promise<ServingSession> => ({
    ...known,
    session: await Session.create(graft, settings),
    changes: unchanged,
    note,
  });
  if (known.spec.kvLayout === 'in place') return unrewritten(null);
  const tried = await tryRewrite(directory, unchanged, settings, capacity);
  return typeof tried === 'string' ? unrewritten(oneRowAtATime(tried)) : tried;
}

/**
 * The same session, with keys and values in 8 bits.
 * @param exact is released
 * @param text tokens that tell how large they become; a fixed spread when empty
 * @returns `captureSpec`: what `exact` had. Where the kernel refuses, `exact` itself, and why in `kvNote`
 */
export async function keepIn8Bits(
  directory: string,
  settings: SessionSettings,
  exact: ServingSession,
  text: readonly number[],
): Promise<
  ServingSession & {
    readonly captureSpec: ModelSpec;
    readonly kvNote: string;
    /** What the serving graft was made with. */
    readonly servingChanges: ExportChanges;
  }
> {
  const kvScales = readKvScales(exact.session, exact.spec, text);
  const servingChanges = { ...exact.changes, kvScales };
  const { graft } = await servingGraft(directory, servingChanges);
  try {
    const session = await Session.create(graft, settings);
    exact.session.release();
    const spec = { ...exact.spec, kvType: 'int8' } as const;
    return { ...exact, session, spec, captureSpec: exact.spec, kvNote: in8Bits, servingChanges };
  } catch (error) {
    if (!(error instanceof OrtError)) throw error;
    const kvNote = `its keys and values stay exact: ${error.message}`;
    return { ...exact, captureSpec: exact.spec, kvNote, servingChanges: exact.changes };
  }
}

const in8Bits = 'its keys and values are kept in 8 bits, as the settings say: answers differ a little';

/** @returns the session of the rewrite, or the reason why there is none. */
async function tryRewrite(
  directory: string,
  unchanged: ExportChanges,
  settings: SessionSettings,
  capacity: number,
): Promise<ServingSession | string> {
  try {
    const { graft, spec, masks, rounds } = await observableGraft(directory, unchanged);
    const plan = await observe(graft, settings, (session) =>
      planRewrite(
        session,
        spec,
        masks,
        chooseContext(spec, { asked: capacity, slots: 1, room: null }).tokens,
      ),
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

/** Calls `look` with a session that is released afterwards. */
async function observe<T>(
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
