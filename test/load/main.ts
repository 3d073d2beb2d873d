/**
 * `npm run load [-- --seconds 600 --connections 64]`: the built server under mixed load with clients that leave early,
 * a fit and concept registrations meanwhile. A table for people, load.json for machines; exit code 1 when anything
 * but 200 and 429 was answered, memory grew or was not given back within a minute, a slot leaked, or a line of the log
 * does not say whose request it is about.
 */

import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { startServerProcess, temporaryData } from '../e2e/running-server.js';
import { residentBytes } from '../helpers/resident-memory.js';
import { apiKey, authorized, autocannonRequests, faultOf, jsonHeaders, loadRequest } from './requests.js';
import { attribution, givenBack, loadAtRest, quarterMean, watchMemory } from './server-watch.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    connections: { type: 'string', default: '64' },
    out: { type: 'string', default: 'load.json' },
  },
});
const seconds = Number(values.seconds);
const connections = Number(values.connections);
/** Of all requests. */
const leavingShare = 0.05;
const registrations = 20;
/** Last quarter's memory over the second quarter's, at most. */
const memoryGrowth = 1.1;
const secondsToGiveBack = 60;

const faults: string[] = [];
const fault = (text: string) => {
  if (faults.length < 50) faults.push(text);
};

/** Asks, and leaves at a random moment within the answer. */
async function leaveEarly(url: string, i: number): Promise<void> {
  const { path, body } = loadRequest(i);
  await new Promise<void>((resolve) => {
    const call = request(`${url}${path}`, {
      method: 'POST',
      headers: jsonHeaders,
    });
    call.on('error', () => resolve());
    call.on('close', () => resolve());
    call.on('response', (reply) => {
      reply.on('error', () => {});
      reply.once('data', () => call.destroy());
    });
    call.end(JSON.stringify({ ...body, stream: i % 2 === 0, max_tokens: 200 }));
    // Some leave before there is any answer.
    if (i % 2 === 1) setTimeout(() => call.destroy(), 20 + ((i * 37) % 700));
  });
}

/** Registers copies of a concept, evenly over the time. */
async function registerConcepts(url: string, signal: AbortSignal): Promise<number> {
  const vectors = await (
    await fetch(`${url}/v1/concepts/pirate/vectors?format=gguf`, { headers: authorized })
  ).arrayBuffer();
  let registered = 0;
  for (let i = 0; i < registrations; i++) {
    const reply = await fetch(`${url}/v1/concepts/copy-${i}/vectors`, {
      method: 'PUT',
      headers: { ...authorized, 'content-type': 'application/vnd.gguf' },
      body: vectors,
    });
    if (reply.status === 200) registered++;
    else fault(`registration ${i}: ${reply.status} ${await reply.text()}`);
    await pause((seconds * 900) / registrations, undefined, { signal }).catch(() => {});
  }
  return registered;
}

/** A fit from its start to its end: its status. */
async function fit(url: string, settings: object): Promise<string> {
  const started = await fetch(`${url}/v1/fits`, {
    method: 'POST',
    headers: jsonHeaders,
    body: JSON.stringify({ prefix: 'You are obsessed with winter.', recipe: 'responses', ...settings }),
  });
  const { id } = (await started.json()) as { id: string };
  for (;;) {
    const { status } = (await (await fetch(`${url}/v1/fits/${id}`, { headers: authorized })).json()) as {
      status: string;
    };
    if (!['queued', 'running'].includes(status)) return status;
    await pause(500);
  }
}

/**
 * What a server takes once and keeps: the graph that fits read by, what a calibration needs, and memory for as many rows
 * as there are slots. Growth after this is growth.
 */
async function warmUp(url: string): Promise<void> {
  const questions = ['What do you like?', 'How was your day?'];
  const statements = { positive: questions, negative: questions };
  const status = await fit(url, { name: 'warm', max_tokens: 8, statements });
  if (status !== 'succeeded') fault(`the fit before the load ${status}`);
  await autocannon({
    url,
    connections,
    amount: connections * 2,
    timeout: 120,
    requests: autocannonRequests(8, () => {}),
  });
}

const data = await temporaryData();
const server = await startServerProcess(data.directory, { STEERD_API_KEY: apiKey, LOG_LEVEL: 'info' });
const { url } = server;
try {
  await warmUp(url);
  const before = await residentBytes(url, authorized);
  const done = new AbortController();
  const memory = watchMemory(url, done.signal);
  const registered = registerConcepts(url, done.signal);
  const fitted = fit(url, { name: 'winter', max_tokens: 8 });
  const leaving = new Set<Promise<void>>();
  let answers = 0;
  let left = 0;
  const requests = autocannonRequests(240, (asked, status, body) => {
    answers++;
    const wrong = faultOf(asked, status, body);
    if (wrong !== null) fault(`${asked.path}: ${wrong}`);
    while (left < answers * (leavingShare / (1 - leavingShare))) {
      const gone = leaveEarly(url, left++).finally(() => leaving.delete(gone));
      leaving.add(gone);
    }
  });
  let clients = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    timeout: 120,
    requests,
    // Each connection begins elsewhere in the mix.
    setupClient(client) {
      const from = (clients++ * 7) % requests.length;
      client.setRequests([...requests.slice(from), ...requests.slice(0, from)]);
    },
  });
  done.abort();
  const samples = await memory;
  await Promise.all(leaving);
  const fitStatus = await fitted;
  const atRest = await loadAtRest(url, 10);
  const after = await givenBack(url, before * memoryGrowth, secondsToGiveBack);
  const growth = quarterMean(samples, 3) / quarterMean(samples, 1);

  const unexpected = Object.keys(result.statusCodeStats ?? {}).filter(
    (code) => !['200', '429'].includes(code),
  );
  if (unexpected.length > 0) fault(`status codes ${unexpected.join(', ')}`);
  if (result.errors > 0 || result.timeouts > 0) fault(`${result.errors} errors, ${result.timeouts} timeouts`);
  if (!(growth <= memoryGrowth)) fault(`memory grew by ${((growth - 1) * 100).toFixed(1)} %`);
  if (after.bytes > before * memoryGrowth)
    fault(`memory is ${after.bytes} bytes a minute after the end, ${before} before`);
  const logged = attribution(server.log());
  if (logged.nobodys > 0) fault(`${logged.nobodys} lines of the log do not say whose request they are about`);
  if (logged.completed < answers) fault(`${logged.completed} lines for ${answers} answers`);
  if (atRest.server_load + atRest.running + atRest.waiting > 0) fault(`leaked: ${JSON.stringify(atRest)}`);
  if ((await registered) !== registrations)
    fault(`${await registered} of ${registrations} concepts registered`);
  if (fitStatus !== 'succeeded') fault(`the fit ${fitStatus}`);
  if (/"level":(50|60)/.test(server.log())) fault(`the log has errors: ${server.log().slice(0, 2000)}`);

  const { latency } = result;
  const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  const report = {
    seconds,
    connections,
    answers,
    left_early: left,
    statuses: Object.fromEntries(
      Object.entries(result.statusCodeStats ?? {}).map(([code, { count }]) => [code, count]),
    ),
    latency_ms: {
      p50: latency.p50,
      p90: latency.p90,
      p97_5: latency.p97_5,
      p99: latency.p99,
      max: latency.max,
    },
    rss_mb_by_quarter: [0, 1, 2, 3].map((quarter) => megabytes(quarterMean(samples, quarter))),
    memory_growth: growth,
    rss_mb_given_back: {
      before: megabytes(before),
      after: megabytes(after.bytes),
      seconds: Math.round(after.at),
    },
    log: logged,
    at_rest: atRest,
    registered: await registered,
    fit: fitStatus,
    faults,
  };
  await writeFile(values.out, `${JSON.stringify(report, null, 2)}\n`);
  // Of an object one row a field: a table to read.
  const rows = Object.entries(report).flatMap(([name, value]) =>
    typeof value === 'object' && !Array.isArray(value)
      ? Object.entries(value).map(([field, inner]) => [`${name}.${field}`, JSON.stringify(inner)] as const)
      : [[name, JSON.stringify(value)] as const],
  );
  process.stdout.write(`${rows.map(([name, value]) => `${name.padEnd(22)} ${value}`).join('\n')}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await server.stop();
  await data.clean();
}
