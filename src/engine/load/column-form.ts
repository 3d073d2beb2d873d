/**
 * An export's 8-bit products by column, made when it is loaded: the activations' peaks are read off one run of the export
 * itself, and its weights are quantised anew from blocks to columns, into a file without a name that is mapped as the
 * export's own are. The same files and tokens always give the same form.
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { integerInstructions } from '../../common/cpu-features.js';
import type { ProductGroup } from '../../onnx/find/column-products.js';
import type { ExternalWeight } from '../../onnx/find/product-weights.js';
import { dataTypes } from '../../onnx/graph/data-types.js';
import { OnnxError } from '../../onnx/graph/model-file.js';
import { weightBytes } from '../../onnx/graph/weight-bytes.js';
import type { ColumnForm, ColumnWeights } from '../../onnx/rewrite/column-products.js';
import type { GroupForm } from '../../onnx/rewrite/row-quantizer.js';
import { Session, type SessionSettings } from '../../ort/session.js';
import { SharedWeights } from '../../ort/shared-weights.js';
import type { Arithmetic } from '../worker-settings.js';
import { readPeaks, spreadTokens } from './calibration.js';
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
const inColumns = (instructions: string) =>
  `its 8-bit weights are multiplied by column, for which the CPU has ${instructions}; "arithmetic": "blocks" keeps the export's blocks`;

/**
 * Makes the form where it is asked for (`columns`), or, with `auto`, where the processor has instructions that sum 8-bit
 * products in 32 bits: never by a trial of its speed, since the two forms round differently, and answers must not change
 * from one start to the next.
 * @param settings of the export's sessions
 * @param tokens of a text to read the peaks from; empty for a fixed spread of tokens
 * @returns nothing made for an export without such products, or where the form cannot be made: the note says why
 */
export async function openColumns(
  directory: string,
  settings: SessionSettings,
  arithmetic: Arithmetic,
  tokens: readonly number[],
): Promise<{ made: MadeColumns | null; note: string | null }> {
  const instructions = integerInstructions();
  const chosen = arithmetic === 'columns' || (arithmetic === 'auto' && instructions !== null);
  if (!chosen) return { made: null, note: null };
  try {
    const made = await makeColumns(directory, settings, arithmetic, tokens);
    return { made, note: made && inColumns(instructions ?? 'no instructions that are known') };
  } catch (error) {
    return { made: null, note: `its 8-bit weights stay in blocks: ${(error as Error).message}` };
  }
}

/**
 * @returns null for an export without such products
 * @throws OnnxError, OrtError or the file system's error
 */
async function makeColumns(
  directory: string,
  settings: SessionSettings,
  arithmetic: Arithmetic,
  tokens: readonly number[],
): Promise<MadeColumns | null> {
  const { groups, spec, graft, outputs } = await calibrationGraft(directory, arithmetic);
  if (groups.length === 0) return null;
  const { prepacked: _, ...alone } = settings;
  // One run: threads that wait busily between its operators would only take the cores from others.
  const session = await Session.create(graft, { ...alone, spinning: false });
  let peaks: Map<string, Float32Array>;
  try {
    const read = tokens.length > 0 ? tokens : spreadTokens(spec.vocabularySize);
    peaks = readPeaks(session, spec, groups, outputs, read);
  } finally {
    session.release();
  }
  const folder = await mkdtemp(join(tmpdir(), 'steerd-weights-'));
  try {
    const { form, written } = await writeColumns(directory, folder, groups, peaks);
    const weights = new SharedWeights(folder, written);
    if (weights.count < written.length) {
      weights.release();
      throw new OnnxError('weights by column cannot be mapped into memory here');
    }
    return { form, weights };
  } finally {
    // A mapped file stays readable without its name.
    await rm(folder, { recursive: true, force: true });
  }
}

const fileName = 'weights';

async function writeColumns(
  directory: string,
  folder: string,
  groups: readonly ProductGroup[],
  peaks: ReadonlyMap<string, Float32Array>,
): Promise<{ form: ColumnForm; written: ExternalWeight[] }> {
  const forms = new Map<string, GroupForm>();
  const products = new Map<string, ColumnWeights>();
  const written: ExternalWeight[] = [];
  const file = await open(join(folder, fileName), 'w');
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
        const { levels, scales: byColumn } = weightsByColumn(
          {
            k,
            n,
            block,
            levels: await weightBytes(weight, directory, n * blocks * block),
            scales: new Float32Array(scaleBytes.buffer, 0, n * blocks),
            zeroPoints: zeroPoints ? await weightBytes(zeroPoints, directory, n * blocks) : null,
          },
          split,
        );
        const name = `${output}/column_levels`;
        await write(name, levels, [levels.length / n, n]);
        products.set(output, { weight: name, scales: byColumn });
      }
    }
  } finally {
    await file.close();
  }
  return { form: { groups: forms, products }, written };
}
