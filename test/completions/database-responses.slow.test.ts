/** Responses in PostgreSQL: as in memory, found and forgotten by every server, bounded for all owners and in age. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { DatabaseResponses, usualBounds } from '../../src/completions/database-responses.js';
import { conversationItems } from '../../src/completions/response-conversation.js';
import type { Database } from '../../src/database/database.js';
import { openDatabase } from '../../src/database/open-database.js';
import { noPostgres, startPostgres, type TestPostgres } from '../helpers/postgres.js';
import { found, responseLaws, stored } from './response-laws.js';

let postgres: TestPostgres;
const opened: Database[] = [];
const silent = { warn() {}, info() {} };

async function open(url: string): Promise<Database> {
  const database = await openDatabase(url, silent, { connections: 2 });
  opened.push(database);
  return database;
}

const empty = async () => open(await postgres.createDatabase());

describe('responses in a database', { skip: noPostgres, timeout: 60_000 }, () => {
  before(async () => {
    postgres = await startPostgres();
  });
  after(async () => {
    for (const database of opened) await database.close();
    await postgres.stop();
  });

  responseLaws('in a database', async (bounds) => {
    const database = await empty();
    return new DatabaseResponses({ database, bounds: { ...usualBounds, ...bounds }, log: silent });
  });

  test('what one server was told another finds, goes on from, and forgets', async () => {
    const url = await postgres.createDatabase();
    const bounds = { ...usualBounds, responses: 10 };
    const [one, other] = (await Promise.all([open(url), open(url)])).map((database) =>
      new DatabaseResponses({ database, bounds, log: silent }).of('me'),
    );
    assert.ok(one && other);
    await one.put(stored('a', 'Hi'));
    const items = await conversationItems(
      { input: [{ type: 'item_reference', id: 'msg_a' }], previous_response_id: 'a' },
      other,
    );
    assert.deepEqual(items, [...stored('a', 'Hi').conversation, ...stored('a').response.output]);
    assert.equal(await other.delete('a'), true);
    assert.equal(await one.get('a'), undefined);
  });

  test('all owners together have a bound, and what nobody used for a month is gone', async () => {
    const database = await empty();
    const bounds = { ...usualBounds, responses: 2, owners: 1.5 };
    const all = new DatabaseResponses({ database, bounds, log: silent });
    const [me, you] = [all.of('me'), all.of('you')];
    for (const id of ['a', 'b']) await me.put(stored(id));
    for (const id of ['c', 'd']) await you.put(stored(id));
    await all.sweep();
    assert.deepEqual(
      [await found(me, ['a', 'b']), await found(you, ['c', 'd'])],
      [
        [false, true],
        [true, true],
      ],
    );
    const ages = (id: string) =>
      database.query("UPDATE steerd.responses SET used_at = used_at - interval '31 days' WHERE id = $1", [
        id,
      ]);
    await ages('b');
    assert.deepEqual([await me.get('b'), (await me.items(['msg_b'])).size], [undefined, 0]);
    await all.sweep();
    const left = await database.query('SELECT id FROM steerd.responses ORDER BY id');
    assert.deepEqual(left, [{ id: 'c' }, { id: 'd' }]);
    await all.close();
  });

  test("many servers at once keep to an owner's bound, and none waits for another", async () => {
    const url = await postgres.createDatabase();
    const bounds = { ...usualBounds, responses: 3 };
    const servers = (await Promise.all([1, 2, 3].map(() => open(url)))).map((database) =>
      new DatabaseResponses({ database, bounds, log: silent }).of('me'),
    );
    const puts = servers.flatMap((own, server) =>
      Array.from({ length: 20 }, (_, at) => own.put(stored(`${server}-${at}`))),
    );
    assert.ok((await Promise.all(puts)).every(Boolean));
    const [own] = servers;
    await own?.put(stored('last'));
    const rows = await opened.at(-1)?.query('SELECT id FROM steerd.responses');
    assert.equal(rows?.length, 3);
    assert.ok(await own?.get('last'));
  });

  test('without the database nothing is found, which is said, and an answer is not kept, which is said too', async () => {
    const database = await empty();
    const bounds = { ...usualBounds, responses: 10 };
    const own = new DatabaseResponses({ database, bounds, log: silent }).of('me');
    await own.put(stored('a'));
    await postgres.kill();
    assert.equal(await own.put(stored('b')), false);
    await assert.rejects(async () => own.get('a'), { code: 'database_unavailable' });
    await assert.rejects(async () => own.delete('a'), { code: 'database_unavailable' });
    await postgres.start();
    while (!(await Promise.resolve(own.get('a')).catch(() => undefined))) await pause(50);
    assert.equal(await own.put(stored('b')), true);
  });
});
