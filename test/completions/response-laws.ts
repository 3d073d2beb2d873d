/** What holds of kept responses wherever they are: in memory, or in a database. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OwnResponses, ResponseKeeping, StoredResponse } from '../../src/completions/response-store.js';
import type { ResponseObject } from '../../src/schemas/responses.js';

/** A response with one item of its own, `msg_` and its id. */
export const stored = (id: string, text = ''): StoredResponse => ({
  conversation: [{ type: 'message' as const, role: 'user' as const, content: text }],
  response: {
    id,
    output: [{ type: 'message', id: `msg_${id}`, role: 'assistant', status: 'completed', content: [] }],
  } as unknown as ResponseObject,
});

export const found = async (own: OwnResponses, ids: readonly string[]): Promise<boolean[]> => {
  const all: boolean[] = [];
  for (const id of ids) all.push((await own.get(id)) !== undefined);
  return all;
};

export interface LawBounds {
  /** Of the one owner that there is. */
  readonly responses: number;
  readonly characters: number;
}

const many: LawBounds = { responses: 1000, characters: 1_000_000 };

/** @param open an empty keeping of these bounds */
export function responseLaws(
  where: string,
  open: (bounds: LawBounds) => Promise<ResponseKeeping>,
  options: { readonly skip?: string | false } = {},
): void {
  test(`${where}: bounded in number and size; the one used last stays longest`, options, async () => {
    const few = (await open({ ...many, responses: 2 })).of('me');
    for (const id of ['a', 'b']) assert.equal(await few.put(stored(id)), true);
    assert.ok(await few.get('a'));
    await few.put(stored('c'));
    assert.deepEqual(await found(few, ['a', 'b', 'c']), [true, false, true]);
    const items = await few.items(['msg_a', 'msg_b', 'msg_c']);
    assert.deepEqual([...items.keys()].sort(), ['msg_a', 'msg_c']);

    const small = (await open({ ...many, characters: 1000 })).of('me');
    await small.put(stored('a', 'x'.repeat(400)));
    await small.put(stored('b', 'x'.repeat(400)));
    assert.deepEqual(await found(small, ['a', 'b']), [false, true]);
    assert.equal(await small.put(stored('huge', 'x'.repeat(2000))), false);
    assert.deepEqual(await found(small, ['huge', 'b']), [false, true]);

    const none = (await open({ ...many, responses: 0 })).of('me');
    assert.deepEqual(
      [none.keeps, await none.put(stored('a')), await none.get('a')],
      [false, false, undefined],
    );
  });

  test(`${where}: an item is found as long as any response has it`, options, async () => {
    const own = (await open(many)).of('me');
    const first = stored('a');
    await own.put(first);
    const [item] = first.response.output;
    assert.ok(item);
    for (const id of ['b', 'c']) await own.put({ ...stored(id), conversation: [item] });
    for (const id of ['c', 'a', 'b']) {
      assert.deepEqual((await own.items(['msg_a'])).get('msg_a'), item, id);
      assert.equal(await own.delete(id), true);
    }
    assert.equal((await own.items(['msg_a'])).size, 0);
    assert.equal(await own.delete('b'), false);
  });

  test(`${where}: an owner finds its own only, and what comes back is what was put`, options, async () => {
    const all = await open(many);
    const [mine, other] = [all.of('me'), all.of('')];
    // What neither JSON nor a database takes as it is.
    const one = stored('a', 'a\u0000b \ud800 \ud83c\udf0a');
    await mine.put(one);
    const back = await mine.get('a');
    assert.deepEqual([back?.response, back?.conversation], [one.response, one.conversation]);
    assert.deepEqual(
      [await other.get('a'), (await other.items(['msg_a'])).size, await other.delete('a')],
      [undefined, 0, false],
    );
    for (const id of ['\u0000', '', 'x'.repeat(3000)])
      assert.deepEqual(
        [await mine.get(id), (await mine.items([id])).size, await mine.delete(id)],
        [undefined, 0, false],
      );
  });
}
