/** The files that stand beside a model's graph, made from the metadata of a GGUF file. */
import type { GgufMetadata } from './gguf-metadata.js';
import { type GgufTokenizer, ggufTokenizer } from './gguf-tokenizer.js';
import type { JsonRecord } from './json-part.js';

/** Tokens by which the common chat formats end a turn, whatever the file calls its end of text. */
const turnEnds = new Set([
  '<|eot_id|>',
  '<|eom_id|>',
  '<|im_end|>',
  '<|end|>',
  '<end_of_turn>',
  '<|end_of_text|>',
  '<|endoftext|>',
  '<|end_of_role|>',
]);

/** @throws SteerdError checkpoint_invalid, model_unsupported */
export function ggufFiles(
  metadata: GgufMetadata,
  contextLength: number,
): ReadonlyMap<string, () => Promise<Uint8Array>> {
  const tokenizer = ggufTokenizer(metadata);
  const json = (value: JsonRecord) => async () => new TextEncoder().encode(JSON.stringify(value, null, 1));
  const template = metadata.string('tokenizer.chat_template');
  return new Map([
    ['tokenizer.json', async () => new TextEncoder().encode(JSON.stringify(tokenizer.definition))],
    ['tokenizer_config.json', json(tokenizerConfig(tokenizer, contextLength))],
    ['generation_config.json', json(generationConfig(metadata, tokenizer))],
    ...(template === undefined
      ? []
      : [['chat_template.jinja', async () => new TextEncoder().encode(template)] as const]),
  ]);
}

function tokenizerConfig({ named, tokens }: GgufTokenizer, contextLength: number): JsonRecord {
  const token = (id: number | undefined) => (id === undefined ? undefined : tokens[id]);
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: token(named.bos),
    eos_token: token(named.eos),
    unk_token: token(named.unknown),
    pad_token: token(named.padding),
    add_bos_token: named.addsBos,
    add_eos_token: named.addsEos,
    clean_up_tokenization_spaces: false,
    model_max_length: contextLength,
  };
}

/** The keys of sampling that newer files have (`general.sampling.*`). */
const sampling: Readonly<Record<string, string>> = {
  temp: 'temperature',
  top_k: 'top_k',
  top_p: 'top_p',
  min_p: 'min_p',
  penalty_repeat: 'repetition_penalty',
};

function generationConfig(metadata: GgufMetadata, tokenizer: GgufTokenizer): JsonRecord {
  const { named, tokens, isControl } = tokenizer;
  const ends = ['eot_token_id', 'eom_token_id'].map((name) => metadata.number(`tokenizer.ggml.${name}`));
  const turns = tokens.flatMap((token, id) => (turnEnds.has(token) && isControl(id) ? [id] : []));
  const known = [named.eos, ...ends, ...turns].filter(
    (id) => id !== undefined && id >= 0 && id < tokens.length,
  );
  const eos = [...new Set(known)];
  const recommended = Object.entries(sampling).flatMap(([name, field]) => {
    const value = metadata.number(`general.sampling.${name}`);
    return value === undefined ? [] : [[field, value]];
  });
  return {
    ...(named.bos === undefined ? {} : { bos_token_id: named.bos }),
    ...(eos.length === 0 ? {} : { eos_token_id: eos.length === 1 ? eos[0] : eos }),
    ...(named.padding === undefined ? {} : { pad_token_id: named.padding }),
    ...Object.fromEntries(recommended),
  };
}
