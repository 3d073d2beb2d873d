/**
 * From a model's shape to what a server of it takes, and from a load to how many servers: arithmetic alone. docs/scale.md has its
 * tables, and a test holds them against this. What was measured stands there too, and is named as such.
 */

/** A decoder's shape, as its config.json has it. */
export interface Shape {
  readonly name: string;
  /** Thousand million. */
  readonly parameters: number;
  readonly layers: number;
  readonly hidden: number;
  readonly kvHeads: number;
  readonly headSize: number;
}

/** Llama 3.1 8B, Qwen3 14B and 32B, Llama 3.3 70B, by their published configurations. */
export const shapes: readonly Shape[] = [
  { name: '8B', parameters: 8.03, layers: 32, hidden: 4096, kvHeads: 8, headSize: 128 },
  { name: '14B', parameters: 14.8, layers: 40, hidden: 5120, kvHeads: 8, headSize: 128 },
  { name: '32B', parameters: 32.8, layers: 64, hidden: 5120, kvHeads: 8, headSize: 128 },
  { name: '70B', parameters: 70.6, layers: 80, hidden: 8192, kvHeads: 8, headSize: 128 },
];

export const gibibyte = 1024 ** 3;
const mebibyte = 1024 ** 2;

/** Bits of a weight, those of its block's scale and zero among them (blocks of 32). */
export const weightBits = { int4: 4.5, int8: 8.5, fp16: 16 } as const;
export type Weights = keyof typeof weightBits;

/** Bytes. */
export const weightBytes = ({ parameters }: Shape, weights: Weights) =>
  (parameters * 1e9 * weightBits[weights]) / 8;

/** Bytes of keys and values of one token, as fp16. */
export const kvBytesPerToken = ({ layers, kvHeads, headSize }: Shape) => 2 * layers * kvHeads * headSize * 2;

/** Bytes of one concept's vectors: a float32 for each number of each block's output. */
export const conceptBytes = ({ layers, hidden }: Shape) => layers * hidden * 4;

/** Sequences that have room beside the weights. @param memory bytes @param tokens of each, prompt and answer */
export const sequences = (shape: Shape, weights: Weights, memory: number, tokens: number) =>
  Math.max(0, Math.floor((memory - weightBytes(shape, weights)) / (tokens * kvBytesPerToken(shape))));

/**
 * The most tokens per second that memory lets a server decode: each step reads all weights once, and every sequence's keys and values.
 * @param bandwidth bytes per second
 */
export const decodeCeiling = (
  shape: Shape,
  weights: Weights,
  { bandwidth, streams, tokens }: { bandwidth: number; streams: number; tokens: number },
) => (streams * bandwidth) / (weightBytes(shape, weights) + streams * tokens * kvBytesPerToken(shape));

/** Servers for so many streams at once, with one to spare for restarts and failures. */
export const serversFor = (streams: number, perServer: number) =>
  perServer < 1 ? Number.POSITIVE_INFINITY : Math.ceil(streams / perServer) + 1;

/** Of the database, for each process: the pool and the one that listens. */
const connectionsPerProcess = 9;
export const connections = (servers: number, workers: number) => (servers + workers) * connectionsPerProcess;

const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [
    `| ${head.join(' | ')} |`,
    `|---|${'--:|'.repeat(head.length - 1)}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');

const gib = (bytes: number) => (bytes / gibibyte).toFixed(1);
const count = (value: number) =>
  Number.isFinite(value) ? Math.round(value).toLocaleString('en') : 'none fits';

/** A GPU's memory that is left for the model, and its bandwidth as its maker states it. */
export const devices = [
  { name: '24 GiB, 0.9 TB/s', memory: 22 * gibibyte, bandwidth: 0.9e12 },
  { name: '80 GiB, 3.3 TB/s', memory: 75 * gibibyte, bandwidth: 3.3e12 },
] as const;

/** The tables of docs/scale.md, by name. */
export function tables(): Readonly<Record<string, string>> {
  const context = 4096;
  return {
    'what a model takes': table(
      ['model', 'weights int4, GiB', 'int8', 'fp16', 'KV of a token, KiB', `KV of ${context} tokens, GiB`],
      shapes.map((shape) => [
        shape.name,
        gib(weightBytes(shape, 'int4')),
        gib(weightBytes(shape, 'int8')),
        gib(weightBytes(shape, 'fp16')),
        String(kvBytesPerToken(shape) / 1024),
        gib(context * kvBytesPerToken(shape)),
      ]),
    ),
    'what concepts take': table(
      ['model', 'one, MiB', '1,000, GiB', '10,000, GiB', 'of them in 256 MiB of memory', 'in 4 GiB of disk'],
      shapes.map((shape) => {
        const bytes = conceptBytes(shape);
        return [
          shape.name,
          (bytes / mebibyte).toFixed(2),
          gib(1000 * bytes),
          gib(10_000 * bytes),
          count(Math.floor((256 * mebibyte) / bytes)),
          count(Math.floor((4 * gibibyte) / bytes)),
        ];
      }),
    ),
    'what a server holds': table(
      [
        'model, int4',
        ...devices.flatMap(({ name }) => [`sequences of ${context} tokens on ${name}`, 'tokens/s at most']),
      ],
      shapes.map((shape) => [
        shape.name,
        ...devices.flatMap(({ memory, bandwidth }) => {
          const streams = sequences(shape, 'int4', memory, context);
          const ceiling = decodeCeiling(shape, 'int4', { bandwidth, streams, tokens: context });
          return streams === 0 ? ['none fits', ''] : [count(streams), count(ceiling)];
        }),
      ]),
    ),
    'a fleet for streams': table(
      ['streams at once', ...shapes.map(({ name }) => `${name}, servers`), 'connections of the database, 8B'],
      [50, 200, 1000].map((streams) => {
        const servers = shapes.map((shape) =>
          serversFor(streams, sequences(shape, 'int4', devices[1].memory, context)),
        );
        return [count(streams), ...servers.map(count), count(connections(servers[0] ?? 0, 1))];
      }),
    ),
  };
}
