/** Models as Ollama's API lists and describes them, in the fields that user interfaces look for. */
import type { LoadedModel } from '../models/model.js';
import type { ModelStatus } from '../models/registry.js';
import type { OllamaModel, OllamaShown } from '../schemas/ollama.js';

const details = {
  parent_model: '',
  format: 'onnx' as const,
  family: 'onnx',
  families: ['onnx'],
  parameter_size: '',
  quantization_level: '',
};

const at = (seconds: number) => new Date(seconds * 1000).toISOString();

export const toOllamaModel = ({ id, created, footprint, fingerprint }: ModelStatus): OllamaModel => ({
  name: id,
  model: id,
  modified_at: at(created),
  size: footprint?.weights ?? 0,
  digest: fingerprint ?? '',
  details,
});

/** Never: the server unloads by its own settings. */
const never = '9999-12-31T23:59:59Z';

export const toRunningModel = (status: ModelStatus) => ({
  ...toOllamaModel(status),
  size_vram: status.device === null || status.device === 'cpu' ? 0 : (status.footprint?.weights ?? 0),
  expires_at: never,
});

/** @param template of the model's tokenizer_config.json; empty while it is not loaded */
export function shownModel(
  { id, created, footprint }: ModelStatus,
  template: string,
  loaded: LoadedModel | undefined,
): OllamaShown {
  const chats = loaded === undefined || loaded.chatTemplate !== null;
  return {
    modelfile: `FROM ${id}\n`,
    parameters: '',
    template,
    license: '',
    modified_at: at(created),
    details,
    model_info: {
      'general.architecture': 'onnx',
      'general.basename': id,
      'onnx.context_length': footprint?.capacity ?? 0,
      'onnx.embedding_length': footprint?.hiddenSize ?? 0,
      'onnx.block_count': footprint?.layers ?? 0,
    },
    capabilities: ['completion', ...(chats ? (['tools'] as const) : []), 'embedding'],
  };
}
