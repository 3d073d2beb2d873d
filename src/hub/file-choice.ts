/**
 * Which files of a repository make a model that steerd loads: one decoder graph, and the tokenizer and configuration
 * that lie nearest to it. Repositories hold many graphs side by side; their names tell the quantisation:
 * - transformers.js: `onnx/model.onnx`, `onnx/model_q4.onnx`, `onnx/model_quantized.onnx`, ... (its guide "Using
 *   quantized models (dtypes)");
 * - onnxruntime-genai: a folder per device and precision with genai_config.json and one graph, such as
 *   `cpu_and_mobile/cpu-int4-rtn-block-32-acc-level-4/model.onnx`;
 * - optimum: `model.onnx` at the top.
 */
import { errors } from '../errors.js';
import { folderOf, inside, isSafePath, nameOf } from './file-path.js';
import type { ListedFile, Snapshot } from './hub.js';

/**
 * In the order of preference for the CPU. 4-bit blocks first: they have kernels for the CPU, and a row's result does not
 * depend on the rows beside it. That of `int8` does (activations are quantised for the whole batch at once), and
 * fp16 is emulated.
 */
export const quantizations = ['q4', 'fp32', 'int8', 'uint8', 'bnb4', 'q4f16', 'fp16', 'bf16'] as const;
export type Quantization = (typeof quantizations)[number];

/** Other names of the same. */
const alsoCalled: Readonly<Record<string, Quantization>> = {
  q4: 'q4',
  int4: 'q4',
  uint4: 'q4',
  q8: 'int8',
  quantized: 'int8',
};

/** What `--quantization` takes. */
export const quantizationNames: readonly string[] = [
  ...new Set([...quantizations, ...Object.keys(alsoCalled).filter((name) => name !== 'quantized')]),
];

export const toQuantization = (name: string): Quantization | undefined =>
  alsoCalled[name] ?? quantizations.find((known) => known === name);

export interface GraphFile extends ListedFile {
  /** Null when no name tells it. */
  readonly quantization: Quantization | null;
  /** Named for another device than the CPU. */
  readonly otherDevice: boolean;
}

export interface FileWish {
  readonly quantization?: Quantization | undefined;
  /** Path of the graph. */
  readonly file?: string | undefined;
}

export interface FileChoice {
  readonly graph: GraphFile;
  /** What else the model needs, by the name it gets beside the graph. */
  readonly beside: ReadonlyMap<string, ListedFile>;
  /** Files that look like the graph's weights. What it really names is known when it was read. */
  readonly likelyWeights: readonly ListedFile[];
  /** The graphs that were passed over. */
  readonly others: readonly GraphFile[];
}

/** Those that steerd or its users read. */
const companions = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'config.json',
  'generation_config.json',
  'genai_config.json',
];
/** At the top alone: terms of use, and what the model is. */
const papers = /^(LICEN[CS]E|NOTICE|USE_POLICY|README)(\.(md|txt))?$/i;
/** Concepts that were fitted for this very export. */
const concepts = /^concepts\/[\w.-]+\.safetensors$/;

/** Parts of a larger model, or a decoder with a switch for its cache: no decoder of ours. */
const graphName = /^model(?:[_-](?<suffix>[a-z0-9]+))?\.onnx$/i;

/**
 * @throws SteerdError nothing_to_pull, which lists what there is
 */
export function chooseFiles({ repository, files }: Snapshot, wish: FileWish): FileChoice {
  const safe = files.filter(({ path }) => isSafePath(path));
  const graphs = findGraphs(safe);
  const graph = chooseGraph(repository, safe, graphs, wish);
  const beside = new Map<string, ListedFile>();
  const put = (name: string, path: string) => {
    const found = safe.find((file) => file.path === path);
    if (found !== undefined && !beside.has(name)) beside.set(name, found);
  };
  for (let folder = folderOf(graph.path); ; folder = folderOf(folder)) {
    for (const name of companions) put(name, inside(folder, name));
    if (folder === '') break;
  }
  for (const { path } of safe) if (papers.test(path) || concepts.test(path)) put(path, path);
  if (!beside.has('tokenizer.json')) {
    const tokenizers = safe.map(({ path }) => path).filter((path) => /tokenizer|vocab|spiece/i.test(path));
    throw errors.nothingToPull(
      repository,
      `tokenizer.json for ${graph.path}`,
      listed(tokenizers, 'no other tokenizer'),
      'model',
    );
  }
  const likelyWeights = safe.filter(({ path }) => path !== graph.path && isWeightsOf(graph.path, path));
  return { graph, beside, likelyWeights, others: graphs.filter(({ path }) => path !== graph.path) };
}

/** `model.onnx_data`, `model.onnx_data_1`, `model.onnx.data`: what exporters call the weights of `model.onnx`. */
const isWeightsOf = (graph: string, path: string) =>
  path.startsWith(graph) && /^[._]data([._]\d+)?$/.test(path.slice(graph.length));

function findGraphs(files: readonly ListedFile[]): GraphFile[] {
  const onnx = files.filter(({ path }) => path.endsWith('.onnx'));
  const genai = new Set(
    files.flatMap(({ path }) => (nameOf(path) === 'genai_config.json' ? [folderOf(path)] : [])),
  );
  return onnx.flatMap((file): GraphFile[] => {
    const [folder, name] = [folderOf(file.path), nameOf(file.path)];
    const together = onnx.filter(({ path }) => folderOf(path) === folder);
    const suffix = graphName.exec(name)?.groups?.suffix;
    const known = suffix === undefined ? undefined : toQuantization(suffix.toLowerCase());
    // In a folder of onnxruntime-genai the only graph is the decoder, whatever it is called.
    const only = together.length === 1 && genai.has(folder);
    if (!only && !graphName.test(name)) return [];
    if (suffix !== undefined && known === undefined && !only) return [];
    const words = `${folder}/${name}`.toLowerCase().split(/[^a-z0-9]+/);
    const told = words.map(toQuantization).find((word) => word !== undefined && word !== 'fp32');
    // Among siblings with suffixes, the one without is what they were made from.
    const plain = together.length > 1 && suffix === undefined ? 'fp32' : null;
    return [
      {
        ...file,
        quantization: known ?? told ?? (words.includes('fp32') ? 'fp32' : plain),
        otherDevice: words.some((word) => /^(cuda|gpu|directml|dml|webgpu|web|qnn|npu|openvino)$/.test(word)),
      },
    ];
  });
}

function chooseGraph(
  repository: string,
  files: readonly ListedFile[],
  graphs: readonly GraphFile[],
  { quantization, file }: FileWish,
): GraphFile {
  const onnx = files.map(({ path }) => path).filter((path) => path.endsWith('.onnx'));
  if (file !== undefined) {
    const named = graphs.find(({ path }) => path === file);
    if (named !== undefined) return named;
    const other = files.find(({ path }) => path === file && path.endsWith('.onnx'));
    if (other !== undefined) return { ...other, quantization: null, otherDevice: false };
    throw errors.nothingToPull(repository, `ONNX file ${file}`, listed(onnx, 'no ONNX file'), 'file');
  }
  const fitting = graphs.filter((graph) => quantization === undefined || graph.quantization === quantization);
  const [best] = [...fitting].sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path));
  if (best !== undefined) return best;
  if (quantization === undefined || graphs.length === 0) {
    const kinds = files.map(({ path }) => path).filter((path) => /\.(safetensors|gguf|bin|pt)$/.test(path));
    throw errors.nothingToPull(
      repository,
      'ONNX decoder (model.onnx, model_q4.onnx, ...)',
      onnx.length > 0
        ? listed(onnx, '')
        : `no ONNX file${kinds.length > 0 ? ` but ${listed(kinds, '')}` : ''}`,
      'model',
    );
  }
  const there = graphs.map((graph) => `${graph.path} (${graph.quantization ?? 'not told by its name'})`);
  throw errors.nothingToPull(repository, `${quantization} graph`, listed(there, ''), 'quantization');
}

/**
 * Less is better: for the CPU first, then by quantisation; one that is not told lies behind q4. Of two alike, the one
 * that computes in 8 bits (MatMulNBits `accuracy_level` 4) is far faster on the CPU.
 */
const rank = ({ path, quantization, otherDevice }: GraphFile) =>
  (otherDevice ? 100 : 0) +
  (quantization === null ? 0.5 : quantizations.indexOf(quantization)) -
  (path.includes('acc-level-4') ? 0.25 : 0);

const mostListed = 12;

function listed(names: readonly string[], none: string): string {
  if (names.length === 0) return none;
  const more = names.length - mostListed;
  return `${names.slice(0, mostListed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
