/**
 * Attention sinks: positions whose activations are many times as long as all others and alike whatever stands there, the
 * first position of a text above all (massive activations, arXiv 2402.17762; attention sinks, arXiv 2309.17453). A mean
 * over tokens that has one in it is a mean of that. Found by measured length: beside the tokens of a neutral sentence,
 * layer by layer, for a text of one word has nothing of its own to be compared with.
 */
import type { Capture } from '../../engine/protocol.js';
import type { LoadedModel } from '../../models/model.js';

/** What the lengths of a model's activations are measured on. */
export const neutralSentence = 'The weather was fine, and people walked through the town all day.';

/** A sink is so many times as long as the median token; on the models tried 8 to 120 times, other tokens at most 2.5. */
const outlier = 4;
/** At that share of the layers: sinks begin some layers up, and end before the last. */
const shareOfLayers = 1 / 3;

export class SinkMeter {
  private constructor(
    /** [L] median length of the neutral sentence's block outputs. */
    readonly medians: Float64Array,
    /** Whether the first position of a text is one, as in most models. */
    readonly firstIsSink: boolean,
  ) {}

  /** Takes one capture. @throws the signal's reason when aborted */
  static async of(model: LoadedModel, signal: AbortSignal): Promise<SinkMeter> {
    const { layers, hiddenSize, capacity } = model.engine.shape;
    const tokens = model.tokenizer.encode(neutralSentence).slice(0, capacity);
    const positions = [...tokens.keys()];
    const capture = await model.engine.capture({ tokens, positions, span: [0, 0] }, signal);
    const lengths = blockLengths(capture, layers, tokens.length, hiddenSize);
    const medians = Float64Array.from({ length: layers }, (_, layer) =>
      median(lengths.subarray(layer * tokens.length, (layer + 1) * tokens.length)),
    );
    const [first] = sinksAmong(lengths, tokens.length, medians);
    return new SinkMeter(medians, first === true);
  }

  /** For each of a capture's `count` positions whether it is a sink. */
  sinks(capture: Capture, count: number): boolean[] {
    const layers = this.medians.length;
    const width = capture.hiddenStates.length / (layers * count);
    return sinksAmong(blockLengths(capture, layers, count, width), count, this.medians);
  }
}

/** The positions that are read: all but the sinks, and all where all are sinks. */
export function readable(sinks: readonly boolean[]): number[] {
  const kept = [...sinks.keys()].filter((position) => sinks[position] === false);
  return kept.length > 0 ? kept : [...sinks.keys()];
}

/** [L * count] L2 norms. */
function blockLengths({ hiddenStates }: Capture, layers: number, count: number, width: number): Float64Array {
  return Float64Array.from({ length: layers * count }, (_, row) => {
    let squares = 0;
    for (let h = row * width; h < (row + 1) * width; h++) squares += (hiddenStates[h] as number) ** 2;
    return Math.sqrt(squares);
  });
}

function sinksAmong(lengths: Float64Array, count: number, medians: Float64Array): boolean[] {
  return Array.from({ length: count }, (_, position) => {
    const outliers = medians.reduce(
      (sum, length, layer) =>
        sum + ((lengths[layer * count + position] as number) > outlier * length ? 1 : 0),
      0,
    );
    return outliers >= shareOfLayers * medians.length;
  });
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
