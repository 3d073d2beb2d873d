/** A model's sessions: of the serving graft, built at once, and of others, built when first needed. */
import type { Device } from '../../ort/device.js';
import { PrepackedWeights, Session, type SessionSettings } from '../../ort/session.js';
import { SharedWeights } from '../../ort/shared-weights.js';
import { onDevice, reasonOf } from '../devices.js';
import type { ModelSpec } from '../model-spec.js';
import { notReplayed } from '../run/decode-graphs.js';
import type { Arithmetic, DeviceSettings, KvCacheType } from '../worker-settings.js';
import { type ChunkLimits, chunkLimits } from './chunk-probe.js';
import { openColumns } from './column-form.js';
import { captureGraft, draftGraft, identifyExport, rowsGraft } from './grafts.js';
import { keepsIn8Bits } from './kv-scales.js';
import { keepIn8Bits, openServingSession } from './serving-session.js';

export interface LoadedGraphs {
  readonly spec: ModelSpec;
  /** The same of the capture graft, which keeps keys and values as the export does. */
  readonly captureSpec: ModelSpec;
  readonly fingerprint: string;
  readonly serving: Session;
  readonly chunks: ChunkLimits;
  readonly device: string;
  /** Whether an answer depends a little on the other rows of its batch, and on how its prompt is cut. */
  readonly mixesRows: boolean;
  /** For the log: what is unexpected. */
  readonly warnings: readonly string[];
  /** For the log: what is as it should be, and may be asked about. */
  readonly notes: readonly string[];
  /**
   * The session of the capture graft for runs of so many rows (one when left out; several only for models in host memory,
   * with keys and values in place), built at the first call that succeeds. Sessions share the prepacked weights.
   * @throws OnnxError when the model's files were replaced; OrtError
   */
  capture(rows?: number): Promise<Session>;
  /** Releases that session, which nothing may be bound to any more; the next call of `capture` builds it again. */
  dropCapture(rows: number): void;
  /**
   * Builds a session of the serving graft for runs of so many tokens of one row, each as in a decode step. For models in
   * host memory, with keys and values in place. The caller releases it, before these graphs.
   * @throws OnnxError, OrtError
   */
  openDrafts(tokens: number): Promise<Session>;
  /**
   * Builds a session of the serving graft for runs of so many rows of several tokens, each behind a past of its own. For
   * models in host memory, with keys and values in place. The caller releases it, before these graphs.
   * @throws OnnxError when the model's files were replaced, or its attention cannot be split; OrtError
   */
  openRows(rows: number): Promise<Session>;
  /** Releases sessions and weights. Nothing may be bound to the sessions any more. */
  release(): Promise<void>;
}

/** What is made at load, beside the sessions' graphs. */
interface PreparedSettings {
  /** Tokens of a text that tells how large activations, keys and values become; a fixed spread of tokens when empty. */
  readonly calibration?: readonly number[];
  /** Folder that keeps weights by column from one start to the next; null to keep none. */
  readonly cache?: string | null;
  readonly kvCache?: KvCacheType;
}

const onCpu: DeviceSettings = { device: 'cpu', deviceIndex: 0, deviceMemory: 0 };

// Warnings for the log.

const wholePrompts =
  'the export takes a prompt in one piece only: running streams wait while a long one is read';

const shortChunks = (longest: number) =>
  `the device computes long chunks of a prompt wrong: they are cut to ${longest} tokens`;

const inIntegers =
  'the export leaves open how exactly its quantised weights are multiplied: the CPU does it in 8 bits, which is faster; "arithmetic": "export" keeps float32';

const keptAsExported =
  'its keys and values are kept as the export has them: 8 bits need GroupQueryAttention in float32 on the CPU';

const amongOthers =
  'the 8-bit arithmetic of the export lets an answer depend a little on those computed beside it';

const inFloats =
  'the export leaves open how exactly its 4-bit weights are multiplied: the CPU does it in float32; "arithmetic": "int8" is about twice as fast, but an answer then depends a little on those computed beside it';

/**
 * Opens the serving session on the first device that can compute it, and finds out how prompts may be cut.
 * @param capacity tokens of a slot; 0 for the default
 * @throws OnnxError, OrtError or the file system's error, each saying what is wrong with the model.
 */
export async function loadGraphs(
  directory: string,
  threads: number,
  where: DeviceSettings = onCpu,
  arithmetic: Arithmetic = 'auto',
  capacity = 0,
  { calibration = [], cache = null, kvCache = 'export' }: PreparedSettings = {},
): Promise<LoadedGraphs> {
  const { fingerprint, external, files, weightsDirectory } = await identifyExport(directory);
  // First, for it throws where a file is missing.
  const weights = new SharedWeights(directory, external);
  const prepacked = new PrepackedWeights();
  const settings: SessionSettings = {
    threads,
    weightsDirectory,
    spinning: true,
    prepacked,
    weights: [weights],
  };
  let columns: ReturnType<typeof openColumns> | null = null;
  const columnsFor = (on: Device | undefined) => {
    if (on) return null;
    columns ??= openColumns({
      directory,
      session: settings,
      arithmetic,
      tokens: calibration,
      identity: { fingerprint, files },
      cache,
    });
    return columns;
  };
  const openAs = async (on: Device | undefined, captures: boolean) => {
    const {
      made = null,
      note: columnNote = null,
      warning: columnWarning = null,
    } = (await columnsFor(on)) ?? {};
    const shared = made ? [weights, made.weights] : [weights];
    const session = { ...settings, weights: shared, device: on, captures };
    const exact = await openServingSession(directory, session, arithmetic, capacity, made?.form ?? null);
    const opened = keepsIn8Bits(exact.spec, kvCache, on !== undefined)
      ? await keepIn8Bits(directory, session, exact, calibration)
      : {
          ...exact,
          captureSpec: exact.spec,
          kvNote: kvCache === 'int8' ? keptAsExported : null,
          servingChanges: exact.changes,
        };
    const { spec, session: serving } = opened;
    try {
      const chunks = chunkLimits(spec, serving);
      return { ...opened, shared, columnNote, columnWarning, chunks, notCaptured: null };
    } catch (error) {
      // The next device to be tried may need its memory.
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
      // If device graphs are not the cause, the next call throws as well.
      return { ...(await openAs(on, false)), notCaptured: reasonOf(error as Error) };
    }
  };
  const releaseWeights = async () => {
    prepacked.release();
    weights.release();
    (await columns)?.made?.weights.release();
  };
  const { made, device, warning } = await onDevice(where, open).catch(async (error: unknown) => {
    // All sessions are released by now. A server goes on after a model that could not be loaded.
    await releaseWeights();
    throw error;
  });
  const {
    spec,
    session: serving,
    chunks,
    changes,
    note,
    products,
    mixesRows,
    notCaptured,
    shared,
    columnNote,
    columnWarning,
    captureSpec,
    kvNote,
    servingChanges,
  } = made;
  const warnings = [
    ...(warning ? [warning] : []),
    ...(notCaptured ? [notReplayed(notCaptured)] : []),
    ...(note ? [note] : []),
    ...(columnWarning ? [columnWarning] : []),
    ...(kvNote ? [kvNote] : []),
    ...(products.set > 0 ? [inIntegers] : []),
    ...(products.left > 0 ? [inFloats] : []),
    ...(mixesRows && spec.kvLayout === 'in place' ? [amongOthers] : []),
    ...(chunks.inPieces ? [] : [wholePrompts]),
    ...(chunks.longest === Number.POSITIVE_INFINITY ? [] : [shortChunks(chunks.longest)]),
  ];
  /** By rows. */
  const captures = new Map<number, Promise<Session>>();
  return {
    spec,
    captureSpec,
    fingerprint,
    serving,
    chunks,
    device,
    mixesRows,
    warnings,
    notes: columnNote ? [columnNote] : [],
    capture: (rows = 1) => {
      const known = captures.get(rows);
      if (known) return known;
      const built = captureGraft(directory, changes, fingerprint, rows).then((graft) =>
        Session.create(graft, { ...settings, weights: shared, device: changes.on }),
      );
      captures.set(rows, built);
      // What failed for want of memory may succeed later.
      built.catch(() => captures.delete(rows));
      return built;
    },
    dropCapture: (rows) => {
      const built = captures.get(rows);
      captures.delete(rows);
      built?.then(
        (session) => session.release(),
        () => {},
      );
    },
    openDrafts: async (tokens) => {
      const graft = await draftGraft(directory, servingChanges, tokens);
      return Session.create(graft, { ...settings, weights: shared });
    },
    openRows: async (rows) => {
      const graft = await rowsGraft(directory, servingChanges, fingerprint, rows);
      return Session.create(graft, { ...settings, weights: shared });
    },
    release: async () => {
      for (const built of [...captures.values()]) (await built.catch(() => null))?.release();
      serving.release();
      await releaseWeights();
    },
  };
}
