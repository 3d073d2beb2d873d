/**
 * Chooses the files of a repository that make up a model: one decoder graph, and the tokenizer and configuration
 * nearest to it. Repositories hold many graphs side by side, and their names tell the quantisation:
 * - transformers.js: `onnx/model.onnx`, `onnx/model_q4.onnx`, `onnx/model_quantized.onnx`, ... (its guide "Using
 *   quantized models (dtypes)");
 * - onnxruntime-genai: a folder per device and precision with genai_config.json and one graph, such as
 *   `cpu_and_mobile/cpu-int4-rtn-block-32-acc-level-4/model.onnx`;
 * - optimum: `model.onnx` at the top.
 */
import { errors } from '../errors.js';
import { isDocument } from './documents.js';
import { folderOf, inside, isSafePath, nameOf } from './file-path.js';
import type { ListedFile, Snapshot } from './hub.js';

/**
 * In the order of preference for the CPU. q4 first: 4-bit blocks have CPU kernels, and a row's result does not depend
 * on the other rows of its batch. With int8 it does, because activations are quantised with one scale for the whole
 * batch; and fp16 is emulated.
 */
export const quantizations = ['q4', 'fp32', 'int8', 'uint8', 'bnb4', 'q4f16', 'fp16', 'bf16'] as const;
type Quantization = (typeof quantizations)[number];

/** Other names of quantisations. */
const aliases: Readonly<Record<string, Quantization>> = {
  q4: 'q4',
  int4: 'q4',
  uint4: 'q4',
  q8: 'int8',
  quantized: 'int8',
};

/** The names that `--quantization` takes. */
export const quantizationNames: readonly string[] = [
  ...new Set([...quantizations, ...Object.keys(aliases).filter((name) => name !== 'quantized')]),
];

/** The quantisation of a name or alias; undefined for any other word. */
export const toQuantization = (name: string): Quantization | undefined =>
  aliases[name] ?? quantizations.find((known) => known === name);

/** A file with a decoder graph. */
interface GraphFile extends ListedFile {
  /** Null when its path does not tell. */
  readonly quantization: Quantization | null;
  /** Whether its path names another device than the CPU. */
  readonly otherDevice: boolean;
}

/** What the user asked for. */
export interface FileWish {
  readonly quantization?: Quantization | undefined;
  /** Path of the graph, or of a GGUF file, in the repository. */
  readonly file?: string | undefined;
}

export interface FileChoice {
  readonly graph: GraphFile;
  /** The other files of the model, by the path that each gets in the model's folder. */
  readonly beside: ReadonlyMap<string, ListedFile>;
  /** Files that are probably the graph's weights, by their names. The graph itself tells, once it is downloaded. */
  readonly likelyWeights: readonly ListedFile[];
  /** The graphs that were not chosen. */
  readonly others: readonly GraphFile[];
}

/** Files beside a graph that steerd or its users read. */
const companions = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'config.json',
  'generation_config.json',
  'genai_config.json',
];
/** Concepts that were fitted on this export. */
const concepts = /^concepts\/[\w.-]+\.safetensors$/;

/**
 * The file name of a decoder graph. Others are parts of a larger model, or decoders that switch between running with
 * and without a cache (decoder_model_merged.onnx).
 */
const graphName = /^model(?:[_-](?<suffix>[a-z0-9]+))?\.onnx$/i;

/** @throws SteerdError nothing_to_pull, with a list of what the repository has instead */
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
  for (const { path } of safe) if (isDocument(path) || concepts.test(path)) put(path, path);
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

/** Whether there is any decoder graph. */
export const hasGraph = ({ files }: Pick<Snapshot, 'files'>): boolean =>
  findGraphs(files.filter(({ path }) => isSafePath(path))).length > 0;

/** Exporters name the weights of `model.onnx` `model.onnx_data`, `model.onnx_data_1` or `model.onnx.data`. */
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
    // The only graph in a folder of onnxruntime-genai is the decoder, whatever its name.
    const only = together.length === 1 && genai.has(folder);
    if (!only && !graphName.test(name)) return [];
    if (suffix !== undefined && known === undefined && !only) return [];
    const words = `${folder}/${name}`.toLowerCase().split(/[^a-z0-9]+/);
    const told = words.map(toQuantization).find((word) => word !== undefined && word !== 'fp32');
    // Beside graphs with suffixes, the one without is the original that they were quantised from.
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
 * Less is better. Graphs for the CPU come first, then the order of `quantizations`, with an unknown one after q4. Of
 * two alike, the one that computes in int8 (MatMulNBits `accuracy_level` 4) is preferred: it is far faster on the CPU.
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
