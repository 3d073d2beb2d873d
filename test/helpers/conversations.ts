/**
 * Random conversations: they share beginnings, are steered in many ways that change in the middle, run at the same time,
 * are cancelled, and ask for more than can be kept. Each answer is held against one of an engine that keeps nothing.
 */
import assert from 'node:assert/strict';
import { Random } from '../../src/common/random.js';
import type { Engine } from '../../src/engine/engine.js';
import type { ActivationEdit, SequenceStep } from '../../src/engine/protocol.js';
import { request, steps } from './engine.js';

interface ConversationSettings {
  readonly seed: number;
  readonly conversations: number;
  /** Texts that conversations begin with. */
  readonly beginnings: readonly (readonly number[])[];
  readonly edits: readonly ActivationEdit[];
  /** Tokens below this id are asked. */
  readonly vocabulary: number;
  /** Tokens of one turn's question, of an answer, and of prompt and answer together, at most. */
  readonly question: number;
  readonly answer: number;
  readonly capacity: number;
}

interface Count {
  readonly answers: number;
  readonly cancelled: number;
  /** Prompt tokens that were asked, and those of them that were known. */
  readonly prompt: number;
  readonly cached: number;
}

/**
 * @param kept the engine under test
 * @param fresh one with `prefixBytes` 0: its answers do not depend on what was asked before
 */
export async function compareConversations(
  kept: Engine,
  fresh: Engine,
  settings: ConversationSettings,
): Promise<Count> {
  const random = new Random(settings.seed);
  const below = (end: number) => Math.floor(random.uniform() * end);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const talks = Array.from({ length: settings.conversations }, () => ({
    tokens: [...pick(settings.beginnings)],
    edit: pick(settings.edits),
    left: 1 + below(4),
  }));
  const count = { answers: 0, cancelled: 0, prompt: 0, cached: 0 };

  const turn = async (talk: (typeof talks)[number]) => {
    const question = Array.from({ length: 1 + below(settings.question) }, () => below(settings.vocabulary));
    const prompt = [...talk.tokens, ...question];
    talk.left--;
    // Steering that changes in the middle of a conversation.
    if (below(4) === 0) talk.edit = pick(settings.edits);
    const maxTokens = 1 + below(settings.answer);
    if (prompt.length + maxTokens > settings.capacity) {
      talk.left = 0;
      return;
    }
    const sampling = { ...request([]).sampling, temperature: pick([0, 0.9]), seed: below(1000) };
    const asked = request(prompt, {
      maxTokens,
      sampling,
      edit: talk.edit,
      logprobs: 2,
      promptLogprobs: below(8) === 0,
    });
    const cancelAfter = below(5) === 0 ? below(3) : Number.POSITIVE_INFINITY;
    const made: SequenceStep[] = [];
    const leaving = new AbortController();
    try {
      if (cancelAfter === 0) setImmediate(() => leaving.abort(new Error('left')));
      for await (const { timing, ...step } of kept.generate(asked, leaving.signal)) {
        count.cached += timing?.cached ?? 0;
        made.push(step);
        if (made.length >= cancelAfter) break;
      }
    } catch (error) {
      assert.equal((error as Error).message, 'left');
    }
    count.prompt += prompt.length;
    const expected = await steps(fresh, asked);
    if (cancelAfter < Number.POSITIVE_INFINITY) {
      count.cancelled++;
      assert.deepEqual(made, expected.slice(0, made.length));
    } else assert.deepEqual(made, expected);
    count.answers++;
    talk.tokens = [...prompt, ...made.flatMap(({ token }) => (token === null ? [] : [token]))];
  };

  for (;;) {
    const going = talks.filter(({ left }) => left > 0);
    if (going.length === 0) return count;
    const together = going.slice(below(going.length)).slice(0, 1 + below(4));
    // What one of them throws is told after all have ended, so that no sequence outlives its engine.
    const ended = await Promise.allSettled(together.map(turn));
    for (const result of ended) if (result.status === 'rejected') throw result.reason;
  }
}
