/** A key's list of concepts and its cap on strength hold for every way to steer or to read, and nothing is told of the rest. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { buildWithKeys } from '../access/keys.js';
import { gate, until } from '../helpers/app.js';
import { listen } from '../helpers/http.js';

const chat = '/v1/chat/completions';
const text = '/v1/completions';
const responses = '/v1/responses';
const messages = [{ role: 'user', content: 'Hi' }];

/** Each endpoint with a body that lacks only what steers. */
const endpoints: readonly (readonly [url: string, body: object])[] = [
  [chat, { messages }],
  [chat, { messages, stream: true }],
  [text, { prompt: 'Hi' }],
  [text, { prompt: ['Hi', 'Ho'], stream: true }],
  [responses, { input: 'Hi' }],
  [responses, { input: 'Hi', stream: true }],
];

/** Every way to say one concept at one strength. */
const ways: Readonly<Record<string, (concept: string, strength: number) => object>> = {
  fields: (concept, strength) => ({ concept, strength }),
  item: (concept, strength) => ({ steering: { concept, strength } }),
  list: (concept, strength) => ({
    steering: [
      { concept: 'pirate', strength: 0.1 },
      { concept, strength },
    ],
  }),
  alias: (concept, strength) => ({ model: `tiny@${concept}:${strength}` }),
  'alias of two': (concept, strength) => ({ model: `tiny@pirate:0.1+${concept}:${strength}` }),
};
/** The same among alternatives, which responses do not have. */
const alternatives: typeof ways = {
  'an alternative': (concept, strength) => ({ steering: { choices: [null, { concept, strength }] } }),
  'in a list of alternatives': (concept, strength) => ({
    steering: { choices: [{ concept: 'pirate', strength: 0.1 }, [{ concept, strength }]] },
  }),
};

test('the list and the cap hold whatever way a completion is steered', async (t) => {
  const built = await buildWithKeys(t, [{ concepts: ['pirate'], max_strength: 0.8 }]);
  const headers = built.with(built.secrets[0]);
  for (const [url, body] of endpoints) {
    const all = url === responses ? ways : { ...ways, ...alternatives };
    for (const [way, steer] of Object.entries(all)) {
      const send = async (concept: string, strength: number) => {
        const before = built.engine.requests.length;
        const payload = { ...body, ...steer(concept, strength) };
        const reply = await built.app.inject({ method: 'POST', url, headers, payload });
        const told =
          reply.statusCode === 200 ? null : (reply.json() as { error: { code: string } }).error.code;
        return [reply.statusCode, told, built.engine.requests.length > before] as const;
      };
      const where = `${url} ${JSON.stringify(body)}: ${way}`;
      assert.deepEqual(await send('pirate', 0.5), [200, null, true], where);
      assert.deepEqual(await send('ocean', 0.5), [403, 'concept_not_allowed', false], where);
      assert.deepEqual(await send('pirate', 0.95), [403, 'strength_above_cap', false], where);
      assert.deepEqual(await send('pirate', -0.95), [403, 'strength_above_cap', false], where);
    }
  }
});

test('reading along concepts, sweeps and sums keep to the list; sweeps to the cap', async (t) => {
  const built = await buildWithKeys(t, [
    { scopes: ['completions', 'concepts:write'], concepts: ['pirate', 'mix'], max_strength: 0.8 },
  ]);
  const headers = built.with(built.secrets[0]);
  const sweep = { prompts: ['Hi'], concepts: ['pirate'], strengths: [0.5], max_tokens: 2 };
  const rows: readonly (readonly [url: string, body: object, code: string])[] = [
    [chat, { messages, monitor: ['ocean'] }, 'concept_not_allowed'],
    [chat, { messages, monitor: ['pirate', { concept: 'ocean', scale: 'raw' }] }, 'concept_not_allowed'],
    [text, { prompt: 'Hi', monitor: ['ocean'] }, 'concept_not_allowed'],
    [responses, { input: 'Hi', monitor: ['ocean'] }, 'concept_not_allowed'],
    ['/v1/steering/score', { input: 'Hi', concepts: ['pirate', 'ocean'] }, 'concept_not_allowed'],
    ['/v1/steering/sweep', { ...sweep, concepts: ['pirate', 'ocean'] }, 'concept_not_allowed'],
    ['/v1/steering/sweep', { ...sweep, strengths: [0, 0.9] }, 'strength_above_cap'],
    ['/v1/concepts/ocean/calibrate', {}, 'concept_not_allowed'],
    [
      '/v1/concepts/mix/compose',
      { terms: [{ concept: 'pirate' }, { concept: 'ocean' }] },
      'concept_not_allowed',
    ],
    ['/v1/concepts/ocean/compose', { terms: [{ concept: 'pirate' }] }, 'concept_not_allowed'],
  ];
  for (const [url, payload, code] of rows) {
    const reply = await built.app.inject({ method: 'POST', url, headers, payload });
    const { error } = reply.json() as { error?: { code: string; message: string } };
    const where = `${url} ${JSON.stringify(payload)}: ${reply.body}`;
    assert.deepEqual([reply.statusCode, error?.code], [403, code], where);
    if (code === 'strength_above_cap') assert.match(error?.message ?? '', /cap of 0\.8/, where);
  }
  assert.equal(built.engine.requests.length + built.engine.projected.length, 0, 'nothing ran');
});

test('what a key may not use is not named to it: lists, aliases, errors, fits', async (t) => {
  const built = await buildWithKeys(t, [
    { scopes: ['completions', 'concepts:write'], concepts: ['pirate'] },
    { scopes: ['completions', 'concepts:write'] },
  ]);
  const [narrow, wide] = built.secrets.map((secret) => built.with(secret));
  const ask = (headers: typeof narrow, method: 'GET' | 'POST', url: string, payload?: object) =>
    built.app.inject({ method, url, headers: headers ?? {}, ...(payload && { payload }) });
  const secretFit = await ask(wide, 'POST', '/v1/fits', { name: 'ocean', prefix: 'A secret.' });
  const { id } = secretFit.json() as { id: string };
  for (const [method, url, body] of [
    ['GET', '/v1/concepts'],
    ['GET', '/v1/models?aliases=true'],
    ['GET', '/v1/fits'],
    ['GET', `/v1/fits/${id}`],
    ['GET', `/v1/fits/${id}/events`],
    ['POST', `/v1/fits/${id}/cancel`],
    ['POST', chat, { messages, concept: 'nobody' }],
    ['POST', chat, { messages, model: 'tiny@nobody:1' }],
  ] as const) {
    const told = (await ask(narrow, method, url, body)).body;
    assert.ok(!told.includes('ocean') && !told.includes('secret'), `${method} ${url}: ${told}`);
  }
  const kept = (await ask(wide, 'GET', `/v1/fits/${id}`)).json() as { status: string };
  assert.equal(kept.status, 'queued', 'it was not cancelled by who may not see it');
  const own = await ask(narrow, 'POST', '/v1/fits', { name: 'pirate', prefix: 'Arr.' });
  const mine = (own.json() as { id: string }).id;
  assert.deepEqual(
    ((await ask(narrow, 'GET', '/v1/fits')).json() as { data: { id: string }[] }).data.map((fit) => fit.id),
    [mine],
  );
  assert.equal((await ask(narrow, 'POST', `/v1/fits/${mine}/cancel`)).statusCode, 200);
});

test("a key's streams count responses, scores and sweeps, and leaving one makes room", async (t) => {
  const open = gate();
  const built = await buildWithKeys(t, [{ concurrent_streams: 1 }], { pace: () => open.passed });
  const headers = built.with(built.secrets[0]);
  const begun = request(`${await listen(built.app)}/v1/responses`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
  });
  begun.on('error', () => {});
  begun.end(JSON.stringify({ input: 'Hi', stream: true }));
  await until(() => built.engine.running === 1);
  const score = ['/v1/steering/score', { input: 'Hi', concepts: ['pirate'] }] as const;
  const ask = ([url, payload]: readonly [string, object]) =>
    built.app.inject({ method: 'POST', url, headers, payload });
  for (const asked of [
    [responses, { input: 'Hi' }],
    score,
    ['/v1/steering/sweep', { prompts: ['Hi'], concepts: ['pirate'], strengths: [0] }],
  ] as const) {
    const reply = await ask(asked);
    assert.deepEqual([reply.statusCode, reply.headers['retry-after']], [429, '1'], reply.body);
  }
  begun.destroy();
  open.open();
  await until(() => built.app.answers.size === 0);
  assert.equal((await ask(score)).statusCode, 200);
});

test('neither keys nor texts come into the log, whatever way is steered', async (t) => {
  const lines: string[] = [];
  const built = await buildWithKeys(t, [{ concepts: ['pirate'], max_strength: 0.8 }], {
    onLog: (line) => lines.push(line),
  });
  const headers = built.with(built.secrets[0]);
  const private_ = 'my private diary';
  const bodies: readonly (readonly [string, object])[] = [
    [
      chat,
      {
        messages: [{ role: 'user', content: private_ }],
        steering: { choices: [null, { concept: 'ocean' }] },
      },
    ],
    [chat, { messages: [{ role: 'user', content: private_ }], model: 'tiny@pirate:0.9' }],
    [responses, { input: private_, concept: 'pirate', strength: 0.9 }],
    [responses, { input: private_, concept: 'pirate', strength: 0.5 }],
    ['/v1/steering/score', { input: private_, concepts: ['ocean'] }],
    ['/v1/steering/sweep', { prompts: [private_], concepts: ['ocean'], strengths: [1] }],
  ];
  for (const [url, payload] of bodies) await built.app.inject({ method: 'POST', url, headers, payload });
  const log = lines.join('\n');
  assert.match(log, /concept_not_allowed/);
  assert.ok(!log.includes(private_) && !log.includes(built.secrets[0] ?? '-'), log);
});
