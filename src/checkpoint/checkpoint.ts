/**
 * A checkpoint as people have them on disk, safetensors or GGUF, told alike: its configuration in Hugging Face's words,
 * its tensors under Hugging Face's names and in its order of dimensions, and the files of its tokenizer.
 */

/** How a tensor's values are stored. GGUF's names; safetensors' are F32, F16 and BF16. */
export type TensorType =
  | 'F32'
  | 'F16'
  | 'BF16'
  | 'Q4_0'
  | 'Q4_1'
  | 'Q5_0'
  | 'Q5_1'
  | 'Q8_0'
  | 'Q2_K'
  | 'Q3_K'
  | 'Q4_K'
  | 'Q5_K'
  | 'Q6_K'
  | 'IQ4_NL'
  | 'IQ4_XS';

export interface CheckpointTensor {
  readonly name: string;
  /** Row-major, as PyTorch has it: [out, in] of a linear layer. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  /** Rows `first` to `first + count` (of the first dimension) as float32; a vector is one row. */
  rows(first: number, count: number): Promise<Float32Array>;
  /** The same rows' bytes as they are stored: whole blocks (in the order of Hugging Face's rows). */
  raw(first: number, count: number): Promise<Uint8Array>;
}

export interface Checkpoint {
  readonly format: 'safetensors' | 'gguf';
  /** Hugging Face's config.json; made from the metadata for GGUF. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** The files a served model needs beside its graph (tokenizer.json, tokenizer_config.json, generation_config.json, chat_template.jinja), by name. */
  readonly files: ReadonlyMap<string, () => Promise<Uint8Array>>;
  /** Files that the checkpoint was read from, and their bytes: for the fingerprint and the progress. */
  readonly sources: readonly { readonly path: string; readonly bytes: number }[];
  close(): Promise<void>;
}
