/**
 * From the tables of a GGUF file to tokenizer.json: byte-level BPE with the merges of the file, and the BPE of
 * SentencePiece with merges made from its scores and bytes for what no piece has. Whatever is a token of its own in the
 * file (control, user-defined) is an added token.
 */
import { errors } from '../errors.js';
import type { GgufMetadata } from './gguf-metadata.js';
import type { JsonRecord } from './json-part.js';
import { type PreTokenizer, preTokenizerNames, preTokenizerOf } from './pre-tokenizers.js';
import { mergesOf } from './vocabulary-merges.js';

/** `llama_token_type`. */
const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

const key = (name: string) => `tokenizer.ggml.${name}`;

/** The named tokens of a file, as far as it has them. */
export interface NamedTokens {
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  readonly unknown: number | undefined;
  readonly padding: number | undefined;
  readonly addsBos: boolean;
  readonly addsEos: boolean;
}

export interface GgufTokenizer {
  readonly definition: JsonRecord;
  readonly named: NamedTokens;
  /** By id. */
  readonly tokens: readonly string[];
  readonly isControl: (id: number) => boolean;
}

interface Tables {
  readonly metadata: GgufMetadata;
  readonly tokens: readonly string[];
  readonly types: readonly number[] | undefined;
  readonly named: NamedTokens;
}

/** @throws SteerdError checkpoint_invalid, model_unsupported */
export function ggufTokenizer(metadata: GgufMetadata): GgufTokenizer {
  const model = metadata.string(key('model'));
  const tokens = metadata.strings(key('tokens'));
  if (model === undefined || tokens === undefined || tokens.length === 0) {
    throw errors.checkpointInvalid(metadata.path, 'it has no tokenizer');
  }
  const types = metadata.numbers(key('token_type'));
  if (types !== undefined && types.length !== tokens.length) {
    throw errors.checkpointInvalid(
      metadata.path,
      `its tokenizer has ${tokens.length} tokens and ${types.length} token types`,
    );
  }
  refuseTwins(metadata.path, tokens);
  const isSentencePiece = model === 'llama';
  if (!isSentencePiece && model !== 'gpt2') {
    throw errors.checkpointUnsupported(
      metadata.path,
      `its tokenizer is of the kind ${JSON.stringify(model.slice(0, 40))}; gpt2 (byte-level BPE) and llama (SentencePiece BPE) are supported`,
    );
  }
  const pre = isSentencePiece ? null : knownPreTokenizer(metadata);
  const named = namedTokens(metadata, tokens.length, isSentencePiece, pre?.addsBos ?? isSentencePiece);
  const tables = { metadata, tokens, types, named };
  return {
    definition: pre === null ? sentencePiece(tables) : byteLevel(tables, pre),
    named,
    tokens,
    isControl: (id) => types?.[id] === tokenType.control,
  };
}

/** A text that is two tokens would be one id in one place and another in the next. */
function refuseTwins(path: string, tokens: readonly string[]): void {
  const seen = new Map<string, number>();
  tokens.forEach((token, id) => {
    const other = seen.get(token);
    if (other !== undefined) {
      throw errors.checkpointInvalid(
        path,
        `its tokenizer has ${JSON.stringify(token.slice(0, 40))} twice, as ${other} and ${id}`,
      );
    }
    seen.set(token, id);
  });
}

function knownPreTokenizer(metadata: GgufMetadata): PreTokenizer {
  const name = metadata.string(key('pre')) ?? 'default';
  const known = preTokenizerOf(name);
  if (known !== undefined) return known;
  throw errors.checkpointUnsupported(
    metadata.path,
    `its tokenizer cuts texts by ${JSON.stringify(name.slice(0, 40))}, which is not known: ${preTokenizerNames.join(', ')} are`,
  );
}

function namedTokens(
  metadata: GgufMetadata,
  count: number,
  isSentencePiece: boolean,
  addsBos: boolean,
): NamedTokens {
  const id = (name: string, otherwise: number): number | undefined => {
    const value = metadata.number(key(name)) ?? (isSentencePiece ? otherwise : -1);
    // Some files say -1, or the largest uint32, for none.
    if (value < 0 || value === 0xffffffff) return undefined;
    if (Number.isInteger(value) && value < count) return value;
    throw errors.checkpointInvalid(
      metadata.path,
      `its metadata's ${key(name)} is ${value}; ids run from 0 to ${count - 1}`,
    );
  };
  const [bos, eos] = [id('bos_token_id', 1), id('eos_token_id', 2)];
  return {
    bos,
    eos,
    unknown: id('unknown_token_id', 0),
    padding: id('padding_token_id', -1),
    addsBos: bos !== undefined && (metadata.boolean(key('add_bos_token')) ?? addsBos),
    addsEos: eos !== undefined && (metadata.boolean(key('add_eos_token')) ?? false),
  };
}

/** Rows that only fill a table up are no tokens. */
const isPadding = (token: string, type: number | undefined) =>
  type === tokenType.unused && /^\[PAD\d+\]$/.test(token);

function vocabularyOf({ tokens, types }: Tables): Map<string, number> {
  return new Map(
    tokens.flatMap((token, id): [string, number][] => (isPadding(token, types?.[id]) ? [] : [[token, id]])),
  );
}

function addedTokens({ metadata, tokens, types, named }: Tables, isSentencePiece: boolean): JsonRecord[] {
  const isPhi = metadata.architecture === 'phi3' && isSentencePiece;
  return tokens.flatMap((content, id) => {
    const type = types?.[id];
    const isNamed = id === named.bos || id === named.eos || (isSentencePiece && id === named.unknown);
    if (type !== tokenType.control && type !== tokenType.userDefined && !isNamed) return [];
    if (content === '') return [];
    // Phi-3 takes the spaces behind its marks away.
    const rstrip = isPhi && (content === '</s>' || (content.startsWith('<|') && content !== '<|endoftext|>'));
    return [
      {
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip,
        normalized: false,
        special: type !== tokenType.userDefined,
      },
    ];
  });
}

function byteLevel(tables: Tables, pre: PreTokenizer): JsonRecord {
  const { metadata } = tables;
  const vocab = vocabularyOf(tables);
  const merges = metadata.strings(key('merges'));
  if (merges === undefined) throw errors.checkpointInvalid(metadata.path, 'its tokenizer has no merges');
  const pairs = merges.map((merge, i) => {
    // A token may begin with a space in no file of this kind: the alphabet of bytes has another character for it.
    const cut = merge.indexOf(' ', 1);
    if (cut < 1) throw errors.checkpointInvalid(metadata.path, `merge ${i} of its tokenizer is no pair`);
    return [merge.slice(0, cut), merge.slice(cut + 1)];
  });
  const bytes = (useRegex: boolean) => ({
    type: 'ByteLevel',
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: useRegex,
  });
  const steps = [
    ...(pre.digits === true ? [{ type: 'Digits', individual_digits: true }] : []),
    ...(pre.patterns ?? []).map((pattern) => ({
      type: 'Split',
      pattern: { Regex: pattern },
      behavior: 'Isolated',
      invert: false,
    })),
    bytes(pre.patterns === null),
  ];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(tables, false),
    normalizer: pre.normalizer === undefined ? null : { type: pre.normalizer },
    pre_tokenizer: steps.length === 1 ? steps[0] : { type: 'Sequence', pretokenizers: steps },
    post_processor: postProcessor(tables),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: pre.ignoreMerges ?? false,
      vocab: Object.fromEntries(vocab),
      merges: pairs,
    },
  };
}

function sentencePiece(tables: Tables): JsonRecord {
  const { metadata, tokens, types, named } = tables;
  const scores = metadata.numbers(key('scores'));
  if (scores?.length !== tokens.length) {
    throw errors.checkpointInvalid(
      metadata.path,
      `its tokenizer has ${tokens.length} tokens and ${scores?.length ?? 'no'} scores`,
    );
  }
  const vocab = vocabularyOf(tables);
  const isNormal = (id: number) => (types?.[id] ?? tokenType.normal) === tokenType.normal;
  const pieces = new Map([...vocab].filter(([, id]) => isNormal(id)));
  const hasPrefix = metadata.boolean(key('add_space_prefix')) ?? true;
  const spaces = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(tables, true),
    normalizer: hasPrefix
      ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, spaces] }
      : spaces,
    pre_tokenizer: null,
    post_processor: postProcessor(tables),
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(hasPrefix ? [strip] : []),
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: named.unknown === undefined ? null : (tokens[named.unknown] ?? null),
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: mergesOf(pieces, (id) => scores[id] ?? 0),
    },
  };
}

/** Begins and ends a text with the tokens that the file says. */
function postProcessor({ tokens, named }: Tables): JsonRecord {
  const begin = named.addsBos && named.bos !== undefined ? [named.bos] : [];
  const end = named.addsEos && named.eos !== undefined ? [named.eos] : [];
  const special = (ids: readonly number[], type: number) =>
    ids.map((id) => ({ SpecialToken: { id: tokens[id], type_id: type } }));
  const part = (id: string, type: number) => [
    ...special(begin, type),
    { Sequence: { id, type_id: type } },
    ...special(end, type),
  ];
  return {
    type: 'TemplateProcessing',
    single: part('A', 0),
    pair: [...part('A', 0), ...part('B', 1)],
    special_tokens: Object.fromEntries(
      [...begin, ...end].map((id) => [tokens[id], { id: tokens[id], ids: [id], tokens: [tokens[id]] }]),
    ),
  };
}
