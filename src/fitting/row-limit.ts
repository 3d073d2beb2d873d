/**
 * How many examples a fit reads. Every example is a row of L x H float32 numbers, kept until the layers are fitted: some
 * 70 kB on the embedded model, half a megabyte on one of seven billion parameters. Where those of a request would not
 * fit, evenly spread ones of each side are read, and the record says so.
 */
import { evenlySpread } from '../common/evenly-spread.js';
import type { ModelShape } from '../engine/protocol.js';
import type { FitSettings } from './fit-settings.js';

const gibibyte = 2 ** 30;
const mostFeatureBytes = 2 * gibibyte;
const fewestOfASide = 2;

interface Limited {
  readonly settings: FitSettings;
  /** What was left out; empty when nothing was. */
  readonly warnings: readonly string[];
}

/** The settings with as many texts as there is room for. The same settings on the same model give the same. */
export function limitRows(
  settings: FitSettings,
  { layers, hiddenSize }: Pick<ModelShape, 'layers' | 'hiddenSize'>,
  mostBytes = mostFeatureBytes,
): Limited {
  const field = settings.recipe === 'examples' ? 'examples' : 'statements';
  const texts = settings[field];
  if (texts === undefined) return { settings, warnings: [] };
  const { positive, negative } = texts;
  const all = positive.length + negative.length;
  const most = Math.floor(mostBytes / (layers * hiddenSize * Float32Array.BYTES_PER_ELEMENT));
  if (all <= most) return { settings, warnings: [] };
  const some = <Text>(side: readonly Text[]) =>
    evenlySpread(side, Math.max(fewestOfASide, Math.floor((side.length * most) / all)));
  const kept = { positive: some<never>(positive as never[]), negative: some<never>(negative as never[]) };
  const counted = kept.positive.length + kept.negative.length;
  return {
    settings: { ...settings, [field]: kept },
    warnings: [
      `${counted} of the ${all} ${field} were read, evenly spread over each side: all of them would take more than ${mostBytes / gibibyte} GiB on this model.`,
    ],
  };
}
