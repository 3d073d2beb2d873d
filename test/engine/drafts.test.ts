/** Drafts: the same answers as without, in fewer runs. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Random } from '../../src/common/random.js';
import type { Engine } from '../../src/engine/engine.js';
import type { SequenceRequest, SequenceStep } from '../../src/engine/protocol.js';
import { request, startEngine, steps, tokens } from '../helpers/engine.js';
import { writeQuantized } from '../helpers/quantized-export.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel, tinySize } from '../helpers/tiny-models.js';

const size = tinySize.vocabulary;
const endToken = 2;
const letters = [...'abcdefghijklmnopqrstuvwxyz0123456789'];
/** Letters and digits, then pairs of them. */
const pieces = Array.from({ length: size }, (_, id) =>
  id <= endToken
    ? ''
    : id < 39
      ? `${letters[id % 36]}`
      : `${letters[id % 36]}${letters[Math.floor(id / 36) % 36]}`,
);
const vocabulary = { tokens: pieces, endTokens: [endToken] };

/** What was made, without how; and how many tokens were guessed, and right. */
async function made(engine: Engine, asked: SequenceRequest) {
  const all = await steps(engine, asked);
  const count = { guessed: 0, right: 0 };
  const plain: SequenceStep[] = [];
  for (const { draft, ...step } of all) {
    plain.push(step);
    count.guessed += draft?.guessed ?? 0;
    count.right += draft?.right ?? 0;
  }
  return { plain, ...count };
}

describe('drafts', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'drafts-'));
  const directory = await writeQuantized(join(folder, 'model'), { bits: 8, block: 32, level: 4 });
  const settings = { slots: 3, capacity: 96, vocabulary: () => vocabulary };
  const engine = await startEngine(directory, settings);
  const drafting = await startEngine(directory, { ...settings, draftTokens: 4 });
  after(async () => {
    await engine.close();
    await drafting.close();
    await rm(folder, { recursive: true });
  });
  const tiny = tinyModel('llama-genai');
  const edits = [[], ...tiny.prompts.map((_, row) => asTerms(goldenEdit(tiny, row)))];

  /** A prompt that says some things twice, and how it is answered. */
  const asked = (seed: number, more: Partial<SequenceRequest> = {}): SequenceRequest => {
    const random = new Random(seed);
    const draw = (count: number, end: number) =>
      Array.from({ length: count }, () => 3 + Math.floor(random.uniform() * end));
    const phrase = draw(3 + Math.floor(random.uniform() * 4), 300);
    const prompt = [...phrase, ...draw(2, 300), ...phrase.slice(0, 4), ...draw(1, 300), ...phrase];
    const temperature = [0, 0, 0.7, 1.2][seed % 4] ?? 0;
    return request(prompt, {
      maxTokens: 8 + Math.floor(random.uniform() * 40),
      sampling: {
        ...request([]).sampling,
        temperature,
        topP: 0.9,
        seed,
        presencePenalty: seed % 5 === 0 ? 0.3 : 0,
      },
      edit: edits[seed % edits.length] ?? [],
      logprobs: 2,
      ...more,
    });
  };

  test('they are used where one token and several are computed alike, and else the log says why not', async () => {
    assert.deepEqual(drafting.warnings, engine.warnings);
    const wide = await writeQuantized(join(folder, 'wide'), { bits: 8, block: 128, level: 4 });
    const mixing = { ...settings, arithmetic: 'blocks', draftTokens: 4 } as const;
    const concatenated = tiny.directory.replace('llama-genai', 'qwen2-genai-fp16');
    for (const [where, more, why] of [
      [wide, mixing, /without drafts: its 8-bit arithmetic/],
      [concatenated, { draftTokens: 4 }, /without drafts: they need GroupQueryAttention/],
    ] as const) {
      const refused = await startEngine(where, more);
      try {
        assert.match(refused.warnings.join('\n'), why);
        assert.equal((await made(refused, request([5, 9, 5, 9, 5]))).guessed, 0);
      } finally {
        await refused.close();
      }
    }
  });

  test('50 seeded prompts have the tokens and log-probabilities that they have without', async () => {
    let [guessed, right, all] = [0, 0, 0];
    for (let seed = 0; seed < 50; seed++) {
      const one = asked(
        seed,
        seed % 3 === 1 ? { monitor: edits[1]?.map(({ vectors }) => vectors) ?? [] } : {},
      );
      const plain = await made(engine, one);
      const drafted = await made(drafting, one);
      assert.deepEqual(drafted.plain, plain.plain, `seed ${seed}`);
      assert.equal(plain.guessed, 0);
      guessed += drafted.guessed;
      right += drafted.right;
      all += plain.plain.length;
    }
    assert.ok(
      right > all / 10 && right <= guessed,
      `${right} of ${guessed} guesses were right, of ${all} tokens`,
    );
  });

  test('beside others, and after one that leaves, answers are what they are alone', async () => {
    const several = [2, 4, 8].map((seed) => asked(seed));
    const alone = await Promise.all(several.map((one) => tokens(engine, one)));
    const leaving = (async () => {
      let left = 5;
      for await (const _ of drafting.generate(asked(12))) if (--left === 0) return;
    })();
    assert.deepEqual(await Promise.all(several.map((one) => tokens(drafting, one))), alone);
    await leaving;
    assert.deepEqual(await tokens(drafting, asked(4)), alone[1]);
  });

  test('an answer that fills the context to its end is the same', async () => {
    const one = asked(4);
    const full = { ...one, maxTokens: 96 - one.prompt.length };
    assert.deepEqual((await made(drafting, full)).plain, (await made(engine, full)).plain);
  });

  test('a stop token among right guesses ends the answer there', async () => {
    const one = asked(8, { maxTokens: 60 });
    const whole = await tokens(engine, one);
    const stopTokens = [whole[whole.length - 3] ?? 0];
    assert.deepEqual(
      (await made(drafting, { ...one, stopTokens })).plain,
      (await made(engine, { ...one, stopTokens })).plain,
    );
  });

  test('what a grammar forces is computed together, and the answer stays the same', async () => {
    const source = 'root ::= "nameis" [a-d]{1,3} "andageis" [0-9] "inyears" ("no" | "yes") "theend"';
    let right = 0;
    for (let seed = 0; seed < 8; seed++) {
      const one = asked(seed, { constraint: { kind: 'grammar', source }, maxTokens: 60 });
      const drafted = await made(drafting, one);
      assert.deepEqual(drafted.plain, (await made(engine, one)).plain, `seed ${seed}`);
      right += drafted.right;
    }
    assert.ok(right > 0, 'no token was as forced');
  });
});
