/** Jobs outlast the connections that tell of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Api, ApiError } from '../../src/commands/api.js';
import type { Send } from '../../src/commands/api-request.js';
import { followJob } from '../../src/commands/follow-job.js';

const event = (id: number, type = 'progress') => `id: ${id}\nevent: ${type}\ndata: {"id":"${id}"}\n\n`;
const deadline = 'data: {"error":{"message":"too long","code":"deadline_exceeded"}}\n\n';
const job = (status: string) => ({
  id: 'j',
  status,
  finished_at: status === 'running' ? null : 1,
  error: null,
});

/** A server that gives these replies to its event streams, one after the other, and the last job for ever. */
function apiOf(streams: readonly (string | Error)[], jobs: readonly object[]): { api: Api; asked: string[] } {
  const [left, states] = [[...streams], [...jobs]];
  const asked: string[] = [];
  const send: Send = async (path, { method = 'GET' }) => {
    asked.push(`${method} ${path}`);
    const next = path.endsWith('/events')
      ? left.shift()
      : JSON.stringify(states.length > 1 ? states.shift() : states[0]);
    if (next instanceof Error || next === undefined) throw next ?? new Error('asked too often');
    return {
      status: 200,
      body: (async function* () {
        yield Buffer.from(next);
      })(),
    };
  };
  return { api: new Api('http://there', {}, new AbortController().signal, send), asked };
}

const follow = async (api: Api) => {
  const heard: string[] = [];
  const followed = { path: '/j', cancel: ['/j/cancel', 'POST'], what: 'the fit' } as const;
  const ended = await followJob(api, followed, ({ id }: { readonly id: string }) => heard.push(id), 1);
  return { heard, ended };
};

test('a deadline, a proxy that cuts and a server that starts again end no job, and nothing is told twice', async () => {
  const streams = [
    event(1) + event(2) + deadline,
    event(1) + event(2) + event(3),
    new ApiError('no server answers', 3),
    event(3) + event(4, 'status'),
  ];
  const { api, asked } = apiOf(streams, [job('running'), job('succeeded')]);
  const { heard, ended } = await follow(api);
  assert.deepEqual([heard, ended.status], [['1', '2', '3', '4'], 'succeeded']);
  assert.equal(asked.filter((one) => one === 'GET /j/events').length, 4);
  assert.ok(!asked.includes('POST /j/cancel'));
});

test('what is no fault of the connection ends it, and so does a job that failed', async () => {
  const refused = new ApiError('no such job', 2, 404, 'job_not_found');
  await assert.rejects(follow(apiOf([refused], [job('running')]).api), refused);
  await assert.rejects(follow(apiOf([event(1)], [job('cancelled')]).api), /the fit was cancelled/);
});
