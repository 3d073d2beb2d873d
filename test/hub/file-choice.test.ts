/** Which graph is taken of the layouts that exporters make; the lists are those of real repositories, shortened. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteerdError } from '../../src/errors.js';
import { chooseFiles, type FileWish, toQuantization } from '../../src/hub/file-choice.js';

function choose(paths: readonly string[], wish: FileWish = {}) {
  const files = paths.map((path) => ({
    path,
    bytes: 1,
    checksum: { kind: 'git-sha1' as const, hex: '0'.repeat(40) },
  }));
  const choice = chooseFiles({ repository: 'a/b', commit: 'c', files }, wish);
  return {
    graph: choice.graph.path,
    quantization: choice.graph.quantization,
    beside: Object.fromEntries([...choice.beside].map(([name, { path }]) => [name, path])),
    weights: choice.likelyWeights.map(({ path }) => path),
  };
}

const refusal = (paths: readonly string[], wish: FileWish = {}) => {
  try {
    choose(paths, wish);
  } catch (error) {
    assert.ok(error instanceof SteerdError);
    assert.equal(error.code, 'nothing_to_pull');
    return error.message;
  }
  return assert.fail('nothing was refused');
};

const transformersJs = [
  '.gitattributes',
  'README.md',
  'config.json',
  'generation_config.json',
  'onnx/model.onnx',
  'onnx/model.onnx_data',
  'onnx/model.onnx_data_1',
  'onnx/model_bnb4.onnx',
  'onnx/model_fp16.onnx',
  'onnx/model_fp16.onnx_data',
  'onnx/model_int8.onnx',
  'onnx/model_q4.onnx',
  'onnx/model_q4.onnx_data',
  'onnx/model_q4f16.onnx',
  'onnx/model_quantized.onnx',
  'onnx/model_uint8.onnx',
  'special_tokens_map.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.json',
];

test('transformers.js: q4 for the CPU, each quantisation by name, the weights of that one alone', () => {
  assert.deepEqual(choose(transformersJs), {
    graph: 'onnx/model_q4.onnx',
    quantization: 'q4',
    beside: {
      'tokenizer.json': 'tokenizer.json',
      'tokenizer_config.json': 'tokenizer_config.json',
      'special_tokens_map.json': 'special_tokens_map.json',
      'config.json': 'config.json',
      'generation_config.json': 'generation_config.json',
      'README.md': 'README.md',
    },
    weights: ['onnx/model_q4.onnx_data'],
  });
  const wanted = {
    fp32: 'model',
    fp16: 'model_fp16',
    q4f16: 'model_q4f16',
    uint8: 'model_uint8',
    bnb4: 'model_bnb4',
  };
  for (const [name, file] of Object.entries(wanted)) {
    assert.equal(choose(transformersJs, { quantization: toQuantization(name) }).graph, `onnx/${file}.onnx`);
  }
  assert.equal(toQuantization('int4'), 'q4');
  assert.equal(choose(transformersJs, { quantization: toQuantization('q8') }).graph, 'onnx/model_int8.onnx');
  assert.deepEqual(choose(transformersJs, { quantization: 'fp32' }).weights, [
    'onnx/model.onnx_data',
    'onnx/model.onnx_data_1',
  ]);
  const older = transformersJs.filter((path) => !/q4|int8/.test(path));
  assert.equal(choose(older).graph, 'onnx/model.onnx');
  assert.equal(choose(older, { quantization: 'int8' }).graph, 'onnx/model_quantized.onnx');
});

const phi = 'cpu_and_mobile/cpu-int4-rtn-block-32-acc-level-4';
const genai = [
  ...['cuda/cuda-fp16', 'cuda/cuda-int4-rtn-block-32', phi.replace('-acc-level-4', ''), phi].flatMap(
    (folder) => [
      `${folder}/config.json`,
      `${folder}/genai_config.json`,
      `${folder}/phi3.onnx`,
      `${folder}/phi3.onnx.data`,
      `${folder}/tokenizer.json`,
      `${folder}/tokenizer_config.json`,
    ],
  ),
  'config.json',
  'LICENSE',
];

test('onnxruntime-genai: the folder for the CPU, with what lies in it', () => {
  const { graph, quantization, beside, weights } = choose(genai);
  assert.deepEqual([graph, quantization, weights], [`${phi}/phi3.onnx`, 'q4', [`${phi}/phi3.onnx.data`]]);
  assert.equal(beside['tokenizer.json'], `${phi}/tokenizer.json`);
  assert.equal(beside['config.json'], `${phi}/config.json`);
  assert.equal(beside['genai_config.json'], `${phi}/genai_config.json`);
  assert.equal(beside.LICENSE, 'LICENSE');
  assert.equal(choose(genai, { quantization: 'fp16' }).graph, 'cuda/cuda-fp16/phi3.onnx');
});

test('optimum at the top, and a graph by its path whatever it is called', () => {
  const optimum = ['config.json', 'model.onnx', 'model.onnx_data', 'tokenizer.json'];
  const { graph, quantization, weights } = choose(optimum);
  assert.deepEqual([graph, quantization, weights], ['model.onnx', null, ['model.onnx_data']]);
  const split = ['decoder_with_past_model.onnx', 'decoder_model_merged.onnx', 'tokenizer.json'];
  assert.equal(choose(split, { file: 'decoder_with_past_model.onnx' }).graph, 'decoder_with_past_model.onnx');
  assert.match(refusal(split), /no ONNX decoder.*it has decoder_with_past_model\.onnx, decoder_model_merged/);
});

test('what does not fit is refused with what there is', () => {
  assert.match(
    refusal(transformersJs, { file: 'onnx/model_q5.onnx' }),
    /onnx\/model_q4\.onnx, onnx\/model_q4f16/,
  );
  assert.match(refusal(genai, { quantization: 'int8' }), /no int8 graph; it has .*phi3\.onnx \(q4\)/);
  assert.match(refusal(['model.safetensors', 'tokenizer.json']), /no ONNX file but model\.safetensors/);
  assert.match(
    refusal(['model.onnx', 'tokenizer.model']),
    /no tokenizer\.json for model\.onnx; it has tokenizer\.model/,
  );
  const many = Array.from({ length: 40 }, (_, i) => `part_${i}.onnx`);
  assert.match(refusal(many), /part_11\.onnx and 28 more/);
});

test('paths that lead elsewhere are no files', () => {
  for (const path of [
    '../model.onnx',
    '/model.onnx',
    'a/../model.onnx',
    'a\\model.onnx',
    './model.onnx',
    'x//model.onnx',
    '.x/model.onnx',
  ]) {
    assert.match(refusal([path, 'tokenizer.json']), /no ONNX file/);
  }
});
