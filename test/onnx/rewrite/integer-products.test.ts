import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { mixesRows, widestExactBlock } from '../../../src/onnx/find/activation-rounding.js';
import { Graph } from '../../../src/onnx/graph/graph.js';
import { parseModel, serializeModel } from '../../../src/onnx/graph/model-file.js';
import { attributeOf } from '../../../src/onnx/graph/node.js';
import { multiplyInIntegers } from '../../../src/onnx/rewrite/integer-products.js';
import { GraphProtoSchema, type ModelProto, ModelProtoSchema } from '../../../src/onnx/schema/onnx_pb.js';

/** Of 4 bits, on this processor. */
const widest = widestExactBlock(4);

interface Product {
  readonly level?: number;
  readonly bits?: number;
  readonly block_size?: number;
  readonly type?: string;
}

/** A chain of products and other nodes. */
function chain(products: readonly Product[]): ModelProto {
  const model = create(ModelProtoSchema, {
    opsetImport: [{ domain: '', version: 18n }],
    graph: create(GraphProtoSchema, { name: 'chain' }),
  });
  const graph = new Graph(model);
  products.forEach(({ level, type = 'MatMulNBits', ...attributes }, index) => {
    const inputs = [`y${index - 1}`, `w${index}`, `s${index}`];
    const node = graph.addNode(type, inputs, [`y${index}`], { K: 64, N: 64, ...attributes }, 'com.microsoft');
    if (level !== undefined) graph.setAttribute(node, 'accuracy_level', level);
  });
  return model;
}

const levels = (model: ModelProto) =>
  model.graph?.node.map((node) => attributeOf(node, 'accuracy_level')) ?? [];

/** The model's bytes without any level. */
const rest = (model: ModelProto) => {
  const copy = parseModel(serializeModel(model), 'copy');
  for (const node of copy.graph?.node ?? [])
    node.attribute = node.attribute.filter(({ name }) => name !== 'accuracy_level');
  return serializeModel(copy);
};

/** Absent, or 0: the operator's default. */
const open = [{}, { level: 0 }] as const;

test('a level is set where it lacked, and nothing else is touched', () => {
  const narrow = open.flatMap((level) => [
    { ...level, bits: 4, block_size: 16 },
    { ...level, bits: 4, block_size: widest },
    { ...level, block_size: widest },
    { ...level, bits: 8, block_size: 32 },
    { ...level, bits: 8, block_size: 128 },
  ]);
  const declared = [1, 2, 3, 4].flatMap((level) => [4, 8].map((bits) => ({ level, bits, block_size: 32 })));
  const others = [{ bits: 2, block_size: 32 }, { type: 'QMoE', bits: 4, block_size: 32 }, { type: 'MatMul' }];
  const model = chain([...declared, ...narrow, ...others]);
  const before = serializeModel(model);
  for (const all of [false, true]) {
    const products = multiplyInIntegers(model, all);
    assert.deepEqual(levels(products.model), [
      ...declared.map(({ level }) => level),
      ...narrow.map(() => 4),
      ...others.map(() => undefined),
    ]);
    assert.deepEqual([products.set, products.left], [narrow.length, 0]);
    assert.deepEqual(rest(products.model), rest(model));
  }
  assert.deepEqual(serializeModel(model), before, 'the export itself stays as it was');
});

test('4-bit weights in wide blocks are set only when all are asked for, and counted otherwise', () => {
  const wide = open.flatMap((level) =>
    [2, 4, 8].map((times) => times * widest).map((block_size) => ({ ...level, bits: 4, block_size })),
  );
  const model = chain([...wide, { bits: 4, block_size: widest }]);
  const some = multiplyInIntegers(model, false);
  assert.deepEqual([some.set, some.left], [1, wide.length]);
  assert.deepEqual(levels(some.model), [...levels(model).slice(0, -1), 4]);
  const all = multiplyInIntegers(model, true);
  assert.deepEqual([all.set, all.left], [wide.length + 1, 0]);
  assert.deepEqual(new Set(levels(all.model)), new Set([4]));
});

test('a model that leaves nothing open comes back as it is, and so does one that was set', () => {
  const declared = chain([{ level: 1, bits: 4, block_size: 32 }, { type: 'MatMul' }]);
  assert.equal(multiplyInIntegers(declared, true).model, declared);
  const { model } = multiplyInIntegers(chain([{ bits: 4, block_size: widest }]), false);
  assert.equal(multiplyInIntegers(model, true).model, model);
});

test('rows of a batch stay apart but for wide blocks at level 4 and scales of the whole batch', () => {
  for (const [product, mixes] of [
    [{ level: 4, bits: 4, block_size: widest }, false],
    [{ level: 4, bits: 4, block_size: 2 * widest }, true],
    [{ level: 0, bits: 4, block_size: 64 }, false],
    [{ bits: 4, block_size: 128 }, false],
    [{ level: 4, bits: 8, block_size: 64 }, false],
    [{ level: 4, bits: 8, block_size: 128 }, true],
    [{ type: 'DynamicQuantizeLinear' }, true],
    [{ type: 'MatMul' }, false],
  ] as const)
    assert.equal(mixesRows(chain([{ type: 'MatMul' }, product])), mixes, JSON.stringify(product));
});
