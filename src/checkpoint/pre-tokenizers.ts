/**
 * How a byte-level BPE cuts a text before it merges, by the name that GGUF has for it (`tokenizer.ggml.pre`). The patterns
 * are those of the models' own tokenizer.json; the names, and which of them share a pattern, are llama.cpp's
 * (https://github.com/ggml-org/llama.cpp/blob/master/src/llama-vocab.cpp).
 */

export interface PreTokenizer {
  /** Patterns applied one after the other; null for GPT-2's own, which the byte level brings. */
  readonly patterns: readonly string[] | null;
  /** Every digit alone, before anything else. */
  readonly digits?: boolean;
  /** A word that is a token is taken whole, whatever the merges say. */
  readonly ignoreMerges?: boolean;
  /** Where the file does not say whether a text begins with the bos token. */
  readonly addsBos?: boolean;
  readonly normalizer?: 'NFC';
}

const contractions = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])";
const gpt2Words = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)";

/** The patterns of OpenAI's cl100k and its kin: they differ in how many digits stay together. */
const cl100k = (digits: string): string =>
  `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

/** Of o200k and its kin: words are cut where small letters become capitals. */
const o200k = (endings: string, digits: string): string =>
  [
    `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+${endings}`,
    `[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*${endings}`,
    digits,
    ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
  ].join('|');

const gpt2: PreTokenizer = { patterns: null };
const digitsApart: PreTokenizer = { patterns: null, digits: true };
const threeDigits: PreTokenizer = { patterns: [cl100k('\\p{N}{1,3}')] };
const llama3: PreTokenizer = { ...threeDigits, ignoreMerges: true, addsBos: true };
const qwen2: PreTokenizer = { patterns: [cl100k('\\p{N}')], normalizer: 'NFC' };
const oneDigit: PreTokenizer = { patterns: [cl100k('\\p{N}')] };
const gpt4o: PreTokenizer = { patterns: [o200k(`${contractions}?`, '\\p{N}{1,3}')] };
const tekken: PreTokenizer = { patterns: [o200k('', '\\p{N}')], ignoreMerges: true, addsBos: true };
const deepseek3: PreTokenizer = {
  patterns: [
    '\\p{N}{1,3}',
    '[一-龥぀-ゟ゠-ヿ]+',
    '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+',
  ],
};
const falcon: PreTokenizer = { patterns: ['[\\p{P}\\$\\+<=>\\^~\\|`]+', gpt2Words, '[0-9][0-9][0-9]'] };
/** What llama.cpp does with files from before they named it. */
const unnamed: PreTokenizer = {
  patterns: ['[\\p{P}\\$\\+<=>\\^~\\|]+', gpt2Words, '\\p{N}+', '[0-9][0-9][0-9]'],
};

const named: readonly (readonly [PreTokenizer, readonly string[]])[] = [
  [unnamed, ['default']],
  [
    gpt2,
    ['gpt-2', 'phi-2', 'mpt', 'olmo', 'jais', 'exaone4', 'trillion', 'a.x-4.0', 'mellum', 'modern-bert'],
  ],
  [
    digitsApart,
    ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b', 'mellum2'],
  ],
  [llama3, ['llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2']],
  [threeDigits, ['dbrx', 'smaug-bpe', 'chatglm-bpe']],
  [{ ...threeDigits, ignoreMerges: true }, ['glm4']],
  [qwen2, ['qwen2', 'deepseek-r1-qwen', 'megrez', 'kormo']],
  [oneDigit, ['stablelm2', 'hunyuan', 'grok-2', 'solar-open']],
  [gpt4o, ['gpt-4o', 'llama4', 'kanana2']],
  [tekken, ['tekken']],
  [deepseek3, ['deepseek-v3', 'hunyuan-dense']],
  [falcon, ['falcon']],
];

const byName = new Map(
  named.flatMap(([one, names]) => names.map((name): [string, PreTokenizer] => [name, one])),
);

/** Undefined for a name that is not known. */
export const preTokenizerOf = (name: string): PreTokenizer | undefined => byName.get(name);

export const preTokenizerNames: readonly string[] = [...byName.keys()];
