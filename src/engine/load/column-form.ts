/**
 * An export's 8-bit products by column, made when it is loaded: the activations' peaks are read off one run of the export
 * itself, and its weights are quantised anew from blocks to columns, into a file without a name that is mapped as the
 * export's own are. The same files and tokens always give the same form, so that it can be kept (form-cache.ts).
 */
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { addsPairsIn16Bits, integerInstructions } from '../../common/cpu-features.js';
import type { ProductGroup } from '../../onnx/find/column-products.js';
import type { ExternalWeight } from '../../onnx/find/product-weights.js';
import { dataTypes } from '../../onnx/graph/data-types.js';
import { OnnxError } from '../../onnx/graph/model-file.js';
import { weightBytes } from '../../onnx/graph/weight-bytes.js';
import { fullLevels, pairLevels } from '../../onnx/rewrite/column-levels.js';
import type { ColumnForm, ColumnWeights } from '../../onnx/rewrite/column-products.js';
import type { GroupForm } from '../../onnx/rewrite/row-quantizer.js';
import { Session, type SessionSettings } from '../../ort/session.js';
import { SharedWeights } from '../../ort/shared-weights.js';
import type { Arithmetic } from '../worker-settings.js';
import { readPeaks, spreadTokens } from './calibration.js';
import { beginKept, findKept, formKey } from './form-cache.js';
import { decodeForm, encodeForm, type WrittenForm } from './form-text.js';
import { calibrationGraft } from './grafts.js';
import { splitChannels, weightsByColumn } from './requantize.js';

interface MadeColumns {
  readonly form: ColumnForm;
  /** Must outlive the sessions that use the form. */
  readonly weights: SharedWeights;
}

/** Weights are vector loads away from each other. */
const alignment = 64;
/** Matrix instructions multiply so many channels at once. */
const channelsAtOnce = 64;
/** Copies of large channels, as a share of all channels: more of them gained nothing in what was measured. */
const extraShare = 1 / 6;

/** How many copies of channels a product of `k` channels gets. */
const extraOf = (k: number) => Math.floor((k * extraShare) / channelsAtOnce) * channelsAtOnce;

/** For the log. */
const inColumns = (instructions: string | null) =>
  addsPairsIn16Bits()
    ? 'its 8-bit weights have a form by column, with fewer levels than elsewhere, since this processor adds their products in 16 bits'
    : `its 8-bit weights have a form by column that this processor${instructions === null ? '' : ` (${instructions})`} computes faster; STEERD_ARITHMETIC=blocks keeps the export's`;

/** Smaller weights are made faster than they are worth keeping. */
const leastKept = 16 * 1024 ** 2;

export interface ColumnSettings {
  /** The model's folder. */
  readonly directory: string;
  /** Of the export's sessions. */
  readonly session: SessionSettings;
  readonly arithmetic: Arithmetic;
  /** Of a text to read the peaks from; empty for a fixed spread of tokens. */
  readonly tokens: readonly number[];
  /** The model's fingerprint, and the names of its files of weights. */
  readonly identity: { readonly fingerprint: string; readonly files: readonly string[] };
  /** Folder that keeps forms from one start to the next; null to keep none. */
  readonly cache: string | null;
}

/**
 * Makes the form where it is asked for (`columns`), or, with `auto`, where the processor has instructions that sum 8-bit
 * products in 32 bits: never by a trial of its speed, since the two forms round differently, and answers must not change
 * from one start to the next.
 * @returns nothing made for an export without such products, or where the form cannot be made: the warning says why
 */
export async function openColumns(
  settings: ColumnSettings,
): Promise<{ made: MadeColumns | null; note: string | null; warning: string | null }> {
  const { arithmetic } = settings;
  const instructions = integerInstructions();
  const chosen = arithmetic === 'columns' || (arithmetic === 'auto' && instructions !== null);
  if (!chosen) return { made: null, note: null, warning: null };
  try {
    const made = await findOrMake(settings);
    return { made, note: made && inColumns(instructions), warning: null };
  } catch (error) {
    const warning = `its 8-bit weights stay in blocks: ${(error as Error).message}`;
    return { made: null, note: null, warning };
  }
}

async function findOrMake(settings: ColumnSettings): Promise<MadeColumns | null> {
  const { directory, arithmetic, tokens, identity, cache } = settings;
  if (cache === null) return makeColumns(settings, null);
  const files = ['model.onnx', ...identity.files.filter((file) => file !== 'model.onnx')];
  const key = await formKey(directory, files, identity.fingerprint, [arithmetic, tokens]);
  const found = await findKept(cache, key);
  const form = found && decodeForm(found.text);
  try {
    if (form) return mapped(form, dirname(found.path), basename(found.path));
  } catch {
    // Another process removed it, or it cannot be mapped here.
  }
  return makeColumns(settings, key);
}

/** @throws OnnxError; the file system's error */
function mapped({ form, written }: WrittenForm, folder: string, location: string): MadeColumns {
  const weights = new SharedWeights(
    folder,
    written.map((one) => ({ ...one, location })),
  );
  if (weights.count === written.length) return { form, weights };
  weights.release();
  throw new OnnxError('weights by column cannot be mapped into memory here');
}

/**
 * @param key that the form is kept by; null to keep it nowhere
 * @returns null for an export without such products
 * @throws OnnxError, OrtError or the file system's error
 */
async function makeColumns(settings: ColumnSettings, key: string | null): Promise<MadeColumns | null> {
  const { directory, session: usual, arithmetic, tokens, cache } = settings;
  const grafted = await calibrationGraft(directory, arithmetic);
  if (grafted === null) return null;
  const { groups, spec, graft, outputs } = grafted;
  const { prepacked: _, ...alone } = usual;
  // One run: threads that wait busily between its operators would only take the cores from others.
  const session = await Session.create(graft, { ...alone, spinning: false });
  let peaks: Map<string, Float32Array>;
  try {
    const read = tokens.length > 0 ? tokens : spreadTokens(spec.vocabularySize);
    peaks = readPeaks(session, spec, groups, outputs, read);
  } finally {
    session.release();
  }
  const bytes = groups.reduce(
    (sum, { products }) => sum + products.reduce((all, { k, n }) => all + k * n, 0),
    0,
  );
  if (cache !== null && key !== null && bytes >= leastKept) {
    const made = await makeKept(cache, key, directory, groups, peaks);
    if (made) return made;
  }
  const folder = await mkdtemp(join(tmpdir(), 'steerd-weights-'));
  try {
    const form = await writeColumns(directory, join(folder, fileName), groups, peaks);
    return mapped(form, folder, fileName);
  } finally {
    // A mapped file stays readable without its name.
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns null where nothing can be kept: the folder is read-only or full, for instance */
async function makeKept(
  cache: string,
  key: string,
  directory: string,
  groups: readonly ProductGroup[],
  peaks: ReadonlyMap<string, Float32Array>,
): Promise<MadeColumns | null> {
  const kept = await beginKept(cache, key).catch(() => null);
  if (!kept) return null;
  let made: MadeColumns;
  try {
    const form = await writeColumns(directory, kept.path, groups, peaks);
    made = mapped(form, kept.folder, kept.name);
    // Once it is mapped, so that whatever becomes of its name does no harm.
    await kept.keep(encodeForm(form)).catch(() => kept.discard());
  } catch {
    await kept.discard();
    return null;
  }
  return made;
}

const fileName = 'weights';

/** @param path of the file to write */
async function writeColumns(
  directory: string,
  path: string,
  groups: readonly ProductGroup[],
  peaks: ReadonlyMap<string, Float32Array>,
): Promise<WrittenForm> {
  const levels = addsPairsIn16Bits() ? pairLevels : fullLevels;
  const forms = new Map<string, GroupForm>();
  const products = new Map<string, ColumnWeights>();
  const written: ExternalWeight[] = [];
  const file: FileHandle = await open(path, 'wx', 0o600);
  let end = 0;
  const write = async (name: string, bytes: Int8Array, shape: number[]) => {
    for (let at = 0; at < bytes.length; )
      at += (await file.write(bytes, at, bytes.length - at, end + at)).bytesWritten;
    written.push({
      name,
      location: fileName,
      offset: end,
      bytes: bytes.length,
      dataType: dataTypes.int8,
      shape,
    });
    end += Math.ceil(bytes.length / alignment) * alignment;
  };
  try {
    for (const group of groups) {
      const split = splitChannels(peaks.get(group.name) ?? new Float32Array(group.k), extraOf(group.k));
      const factors = Float32Array.from(split.divisors, (divisor) => 1 / divisor);
      const plain = split.repeated.length === 0;
      forms.set(group.name, { factors: plain ? null : factors, repeated: split.repeated });
      for (const { output, k, n, block, weight, scales, zeroPoints } of group.products) {
        const blocks = Math.ceil(k / block);
        const scaleBytes = await weightBytes(scales, directory, n * blocks * 4);
        const { levels: made, scales: byColumn } = weightsByColumn(
          {
            k,
            n,
            block,
            levels: await weightBytes(weight, directory, n * blocks * block),
            scales: new Float32Array(scaleBytes.buffer, 0, n * blocks),
            zeroPoints: zeroPoints ? await weightBytes(zeroPoints, directory, n * blocks) : null,
          },
          split,
          levels.weight,
        );
        const name = `${output}/column_levels`;
        await write(name, made, [made.length / n, n]);
        products.set(output, { weight: name, scales: byColumn });
      }
    }
  } finally {
    await file.close();
  }
  return { form: { levels, groups: forms, products }, written };
}
