/** Activations as a file: which rows it has, what each number is, and what is refused before anything is read. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';
import type { CaptureRequest } from '../../src/engine/protocol.js';
import { build } from '../helpers/app.js';

/** Every number says which token it is of, where, at which block and which of the H. */
async function setup(t: TestContext) {
  const built = await build(t);
  const { layers, hiddenSize } = built.engine.shape;
  const value = (token: number, position: number, layer: number, h: number) =>
    token + position / 64 + 1000 * layer + h / 1024;
  const read: CaptureRequest[] = [];
  Object.assign(built.engine, {
    async capture(request: CaptureRequest) {
      read.push(request);
      const { tokens, positions } = request;
      const hiddenStates = new Float32Array(layers * positions.length * hiddenSize);
      let at = 0;
      for (let layer = 0; layer < layers; layer++)
        for (const position of positions)
          for (let h = 0; h < hiddenSize; h++)
            hiddenStates[at++] = value(tokens[position] as number, position, layer, h);
      return { hiddenStates, attentionToPrefix: new Float32Array(0) };
    },
  });
  const ask = async (payload: object) => {
    const reply = await built.app.inject({ method: 'POST', url: '/v1/activations', payload });
    assert.equal(reply.statusCode, 200, reply.body);
    assert.equal(Number(reply.headers['content-length']), reply.rawPayload.length);
    const { tensors, metadata } = decodeSafetensors(reply.rawPayload);
    const numbers = (name: string) => tensors.get(name)?.toNumbers() ?? [];
    return { tensors, metadata, numbers, activations: tensors.get('activations')?.toFloat32() ?? [] };
  };
  return { ...built, layers, hiddenSize, value, read, ask };
}

test('each row is the block outputs of the token that it says it is', async (t) => {
  const { ask, value, layers, hiddenSize, services } = await setup(t);
  for (const [asked, which] of [
    [{ input: ['abc', 'de'], positions: 'all' }, Array.from({ length: layers }, (_, l) => l)],
    [{ input: 'abcd', layers: [2, 0], positions: [-1, -3, -1] }, [2, 0]],
  ] as const) {
    const { tensors, numbers, activations } = await ask(asked);
    const [inputs, positions, tokens] = [numbers('inputs'), numbers('positions'), numbers('tokens')];
    assert.deepEqual(tensors.get('activations')?.shape, [tokens.length, which.length, hiddenSize]);
    assert.deepEqual(numbers('layers'), which);
    const texts = [asked.input].flat();
    const model = await services.models.get();
    const ids = texts.map((text) => model.tokenizer.encode(text, { addSpecialTokens: true }));
    assert.deepEqual(
      tokens,
      inputs.map((input, n) => ids[input]?.[positions[n] as number]),
    );
    let at = 0;
    for (const [n, token] of tokens.entries())
      for (const layer of which)
        for (let h = 0; h < hiddenSize; h++)
          assert.equal(activations[at++], Math.fround(value(token, positions[n] as number, layer, h)));
  }
});

test('of chats the tokens that the template writes are read, and F16 is what F32 rounds to', async (t) => {
  const { ask, services } = await setup(t);
  const chats = [[{ role: 'user', content: 'Hello' }], [{ role: 'user', content: 'A longer one' }]];
  const { numbers, metadata } = await ask({ chats, positions: 'template' });
  assert.equal(metadata['steerd.kind'], 'activations');
  const [inputs, positions] = [numbers('inputs'), numbers('positions')];
  const each = inputs.filter((input) => input === 0).length;
  assert.ok(each >= 2, `${each}`);
  assert.equal(positions.length, 2 * each);
  const all = await ask({ chats, positions: 'all' });
  const last = all.numbers('positions').filter((_, n) => all.numbers('inputs')[n] === 1);
  assert.deepEqual(positions.slice(each), last.slice(-each));
  // An answer that is there is read to its end, and has no such tokens after it.
  const answered = [...(chats[0] ?? []), { role: 'assistant', content: 'Hi' }];
  const closed = await ask({ chats: [answered], positions: 'last' });
  assert.equal(closed.numbers('tokens').length, 1);
  const half = await ask({ input: 'abc', dtype: 'F16' });
  const whole = await ask({ input: 'abc' });
  assert.equal(half.tensors.get('activations')?.dtype, 'F16');
  for (const [i, value] of whole.activations.entries())
    assert.ok(Math.abs((half.activations[i] as number) - value) <= Math.abs(value) / 1024);
  assert.equal((await services.models.get()).id, metadata['steerd.model']);
});

test('what cannot be is refused before anything is read', async (t) => {
  const { refused, read, layers } = await setup(t);
  for (const [body, message] of [
    [{}, /input must be given, or chats, and not both/],
    [{ input: 'a', chats: [[{ role: 'user', content: 'a' }]] }, /not both/],
    [{ input: 'a', positions: 'template' }, /positions must be "all", "last" or offsets without chats/],
    [{ input: 'a', positions: 'some' }, /positions must be "all", "last"/],
    [
      { input: 'ab', positions: [-9] },
      /positions must be at most the \d tokens of input\.0 from its end; received -9/,
    ],
    [{ input: 'a', positions: [0] }, /positions\.0 must be a whole number from -4096 to -1/],
    [{ input: 'a', layers: [layers] }, /layers\.0 must be a block of the model/],
    [{ input: 'a', layers: [1, 1] }, /layers\.1 must be named once/],
    [{ input: 'a', dtype: 'F64' }, /dtype must be F32 or F16/],
    [{ input: 'x'.repeat(5000) }, /input/],
    [{ input: 'a', layer: 1 }, /"layer"/],
  ] as const) {
    const { status, message: said } = await refused('/v1/activations', body);
    assert.equal(status, 400, said);
    assert.match(said, message);
  }
  assert.deepEqual(read, []);
});
