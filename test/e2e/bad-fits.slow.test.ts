/** Fits that cannot work: refused at once where it can be known, failed with a reason where not; and the server goes on. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answer, post, type ServerProcess, startServerProcess, temporaryData } from './running-server.js';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error: { code: string; message: string } | null;
}

const context = 512;
const prefix = 'You adore the sea.';
const two = ['Bread is good.', 'Rain is wet.'];

describe('bad fits', () => {
  let server: ServerProcess;
  let data: Awaited<ReturnType<typeof temporaryData>>;
  before(async () => {
    data = await temporaryData();
    server = await startServerProcess(data.directory, { STEERD_CONTEXT: String(context) });
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    await data.clean();
  });

  const get = async <T>(path: string) => (await (await fetch(`${server.url}${path}`)).json()) as T;
  /** The events end with the job. */
  const ended = async ({ id }: Job) => {
    await (await fetch(`${server.url}/v1/fits/${id}/events`)).text();
    return get<Job>(`/v1/fits/${id}`);
  };
  const noneLeft = async () => {
    const { data: jobs } = await get<{ data: Job[] }>('/v1/fits');
    assert.deepEqual(
      jobs.filter(({ status }) => status === 'queued' || status === 'running'),
      [],
    );
    assert.equal((await fetch(`${server.url}/v1/concepts/bad`)).status, 404);
  };

  const long = 'far beyond the horizon '.repeat(170);
  const chat = (content: string) => [{ role: 'user', content }];
  /** what, fields, param (or null), message */
  const refused: readonly [string, object, string | null, RegExp][] = [
    [
      'one statement',
      { prefix, statements: { positive: ['One.'], negative: two } },
      'statements.positive',
      /2/,
    ],
    ['no statements', { prefix, statements: { positive: two, negative: [] } }, 'statements.negative', /2/],
    [
      'one example',
      { recipe: 'examples', examples: { positive: two, negative: ['x'] } },
      'examples.negative',
      /2/,
    ],
    [
      'equal examples',
      { recipe: 'examples', examples: { positive: two, negative: two } },
      'examples.negative',
      /differ/,
    ],
    [
      'equal examples, in another order and number',
      { recipe: 'examples', examples: { positive: two, negative: [...two, ...two].reverse() } },
      'examples.negative',
      /differ/,
    ],
    ['an empty prefix', { prefix: '' }, 'prefix', /1 to 4000/],
    ['a blank prefix', { prefix: ' \n\t ' }, 'prefix', /1 to 4000/],
    ['no prefix', {}, 'prefix', /nothing/],
    ['a prefix that no context would hold', { prefix: 'far '.repeat(4000) }, 'prefix', /4000/],
    ['a prefix longer than the context', { prefix: long }, null, /prefix.*tokens.*512/],
    ['the same with answers', { prefix: long, recipe: 'responses' }, null, /prefix.*tokens.*512/],
    [
      'an example longer than the context',
      { recipe: 'examples', examples: { positive: ['a', chat(long)], negative: two } },
      null,
      /examples\.positive\[1\].*tokens.*512/,
    ],
  ];
  for (const [name, fields, param, message] of refused)
    test(`${name} is refused at once`, async () => {
      const { status, json } = await post(server, '/v1/fits', { name: 'bad', ...fields });
      const { error } = json as { error: { message: string; param: string } };
      assert.equal(status, 400, JSON.stringify(json));
      assert.match(error.message, message);
      if (param !== null) assert.equal(error.param, param);
      await noneLeft();
    });

  test('examples that differ in what the template drops fail with the reason', async () => {
    const said = (content: string) => [{ role: 'assistant', content }];
    const examples = {
      positive: [said('Sea'), said('Land')],
      negative: [said('Sea '), said('Land ')],
    };
    const { status, json } = await post(server, '/v1/fits', { name: 'bad', recipe: 'examples', examples });
    assert.equal(status, 200, JSON.stringify(json));
    const job = await ended(json as Job);
    assert.deepEqual([job.status, job.error?.code], ['failed', 'fit_impossible']);
    assert.match(job.error?.message ?? '', /same activations at layer 1/);
    await noneLeft();
  });

  test('equal statements on both sides are fine: the prefix makes the difference', async () => {
    for (const recipe of ['attention', 'responses']) {
      const statements = { positive: two, negative: two };
      const body = { name: `equal ${recipe}`, prefix, recipe, statements, max_tokens: 4, calibrate: false };
      const { status, json } = await post(server, '/v1/fits', body);
      assert.equal(status, 200, JSON.stringify(json));
      const job = await ended(json as Job);
      assert.equal(job.status, 'succeeded', job.error?.message);
    }
    await noneLeft();
    assert.notEqual(await answer(server, 'Hi', { concept: 'equal attention' }, { max_tokens: 4 }), '');
  });
});
