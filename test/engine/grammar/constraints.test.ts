/** Grammars in a thread of their own: what they allow, that nobody else waits for them, and what a failure takes along. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Random } from '../../../src/common/random.js';
import {
  ConstraintDeadEnd,
  Constraints,
  type TokenConstraint,
} from '../../../src/engine/grammar/constraints.js';
import type { ConstraintSource } from '../../../src/engine/protocol.js';
import { request, startEngine, tokens } from '../../helpers/engine.js';
import { tinyModel, tinySize } from '../../helpers/tiny-models.js';

const size = tinySize.vocabulary;
const endToken = 2;
/** Letters, digits, then pairs of them: any text can be written in several ways. */
const characters = [...'abcdefghijklmnopqrstuvwxyz0123456789'];
const pieces = Array.from({ length: size }, (_, id) => {
  if (id <= endToken) return '';
  const [first, second] = [characters[id % 36], characters[Math.floor(id / 36) % 36]];
  return id < 3 + 36 ? `${first}` : `${first}${second}`;
});
const vocabulary = { tokens: pieces, endTokens: [endToken] };
const grammar = (source: string): ConstraintSource => ({ kind: 'grammar', source });
const word = grammar('root ::= [a-z]{10}');

/** The next logits of a model that likes the tokens with the lowest ids best. */
const logits = () => Float32Array.from({ length: size }, (_, id) => -id);
const best = (constraint: TokenConstraint) => {
  const row = logits();
  constraint.apply(row, []);
  return row.indexOf(Math.max(...row));
};

describe('constraints', () => {
  let changes = 0;
  const events = new EventTarget();
  const constraints = new Constraints(vocabulary, size, () => {
    changes++;
    events.dispatchEvent(new Event('change'));
  });
  after(() => constraints.close());

  async function write(constraint: TokenConstraint): Promise<string> {
    let text = '';
    for (let token = best(constraint); token !== endToken; token = best(constraint)) {
      text += pieces[token];
      constraint.accept(token);
      while (!constraint.ready) await once(events, 'change');
    }
    constraint.release();
    return text;
  }

  test('what is written fits the grammar, and two that are written at once do not mix', async () => {
    const [letters, digits] = await Promise.all([
      constraints.begin(word),
      constraints.begin(grammar('root ::= [0-9]{7}')),
    ]);
    const texts = await Promise.all([write(letters), write(digits)]);
    assert.match(texts[0] ?? '', /^[a-z]{10}$/);
    assert.match(texts[1] ?? '', /^[0-9]{7}$/);
    assert.ok(changes > 0);
  });

  test('a mask that has come is there without a turn of the event loop', async () => {
    const constraint = await constraints.begin(word);
    constraint.accept(best(constraint));
    assert.ok(!constraint.ready);
    while (!constraint.ready) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      constraints.receive();
    }
    assert.match(pieces[best(constraint)] ?? '', /^[a-z]+$/);
    constraint.release();
  });

  test('this thread goes on while a large grammar is compiled', async () => {
    const large = Array.from(
      { length: 20 },
      (_, i) => `r${i} ::= ("${i}x" [a-z]{1,20} | [0-9]{2,30}) r${i + 1}`,
    );
    let turns = 0;
    let done = false;
    const begun = constraints.begin(grammar(`root ::= r0\n${large.join('\n')}\nr20 ::= "."`)).finally(() => {
      done = true;
    });
    while (!done) {
      await nextTurn();
      turns++;
    }
    (await begun).release();
    // Compiled here, it would be one turn, or some.
    assert.ok(turns > 100, `${turns} turns`);
  });

  test('a token that does not fit fails its own sequence only', async () => {
    const [wrong, right] = await Promise.all([constraints.begin(word), constraints.begin(word)]);
    wrong.accept(pieces.indexOf('7'));
    while (!wrong.ready) await once(events, 'change');
    assert.throws(() => wrong.apply(logits(), []), /does not fit/);
    assert.match(await write(right), /^[a-z]{10}$/);
  });

  test('a grammar that breaks the library fails what runs, and the next one works', async () => {
    const running = await constraints.begin(word);
    await assert.rejects(constraints.begin(grammar('root ::= (')));
    while (running.ready && !failed(running)) await nextTurn();
    assert.throws(() => running.apply(logits(), []), /grammar library failed/);
    assert.match(await write(await constraints.begin(word)), /^[a-z]{10}$/);
  });

  test('with what is forced known ahead, every mask is the same, whatever is chosen', async () => {
    const ahead = new Constraints(vocabulary, size, () => events.dispatchEvent(new Event('change')), 4);
    const random = new Random(3);
    const record = grammar('root ::= "name" [a-d]{1,3} "yearsold" ("no" | "yes" [0-9]) "end"');
    let forced = 0;
    try {
      for (let round = 0; round < 12; round++) {
        const both = await Promise.all([constraints.begin(record), ahead.begin(record)]);
        for (let ended = false; !ended; ) {
          for (const one of both) while (!one.ready) await once(events, 'change');
          const [row, other] = both.map((one) => {
            const each = new Float32Array(size);
            one.apply(each, []);
            return each;
          });
          assert.deepEqual(other, row);
          const allowed = [...(row ?? []).keys()].filter((token) => row?.[token] === 0);
          const [likely] = both[1].forced;
          assert.ok(likely === undefined || allowed.includes(likely));
          // Mostly as forced, so that what is told late is told as well.
          const guess = random.uniform() < 0.7 ? likely : undefined;
          const token = guess ?? allowed[Math.floor(random.uniform() * allowed.length)] ?? endToken;
          ended = token === endToken;
          if (ended) for (const one of both) one.release();
          else for (const one of both) one.accept(token);
          if (!ended && token === likely) {
            forced++;
            assert.ok(both[1].ready, 'a mask that was known ahead is waited for');
          }
        }
      }
      assert.ok(forced > 24, `${forced} tokens were as forced`);
    } finally {
      await ahead.close();
    }
  });

  function failed(constraint: TokenConstraint): boolean {
    try {
      constraint.apply(logits(), []);
      return false;
    } catch (error) {
      return !(error instanceof ConstraintDeadEnd);
    }
  }
});

for (const name of ['llama-genai', 'llama-optimum'] as const)
  test(`${name}: constrained answers beside others, and those, are what each is alone`, async () => {
    const directory = tinyModel('llama-genai').directory.replace('llama-genai', name);
    const engine = await startEngine(directory, { vocabulary: () => vocabulary, slots: 6 });
    try {
      const sampling = { ...request([]).sampling, temperature: 1 };
      const asked = Array.from({ length: 6 }, (_, i) =>
        request([5 + i, 9, 40 + i, 7], {
          maxTokens: 14,
          sampling: { ...sampling, seed: i },
          ...(i % 2 === 0 && { constraint: i === 0 ? word : grammar(`root ::= [a-z0-9]{${8 + i}}`) }),
        }),
      );
      const alone: number[][] = [];
      for (const one of asked) alone.push(await tokens(engine, one));
      for (let round = 0; round < 3; round++)
        assert.deepEqual(await Promise.all(asked.map((one) => tokens(engine, one))), alone);
      const [first = []] = alone;
      assert.match(first.map((token) => pieces[token]).join(''), /^[a-z]{10}$/);
    } finally {
      await engine.close();
    }
  });
