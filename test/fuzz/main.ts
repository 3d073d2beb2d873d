/**
 * `npm run fuzz [-- --seed 1 --requests 2000]`: seeded requests from openapi/openapi.json against the built server
 * with the embedded model. Exit code 1 when an answer is not what the description allows, takes too long, or anything
 * is left behind.
 */
import { parseArgs } from 'node:util';
import { startServerProcess, temporaryData } from '../e2e/running-server.js';
import { atRest, fuzz, listConcepts, residentMemory } from './fuzz.js';
import { closeConnections } from './send.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    requests: { type: 'string', default: '2000' },
    concurrency: { type: 'string', default: '8' },
    /** Show also what was refused though the description allows it: what to look at by hand. */
    refused: { type: 'boolean', default: false },
  },
});

const data = await temporaryData();
// A short context keeps answers short for which max_tokens is lost.
const settings = { STEERD_CONTEXT: '128' };
const server = await startServerProcess(data.directory, settings);
try {
  const before = await residentMemory(server.url);
  const started = performance.now();
  const report = await fuzz(server, {
    seed: Number(values.seed),
    requests: Number(values.requests),
    concurrency: Number(values.concurrency),
    deadline: 90_000,
  });
  const seconds = (performance.now() - started) / 1000;
  const faults = [...report.faults];
  const load = await atRest(server.url, 30);
  if ((load.server_load ?? 1) + (load.running ?? 1) + (load.waiting ?? 1) > 0) faults.push(`left: ${JSON.stringify(load)}`);
  const after = await residentMemory(server.url);
  const stored = await listConcepts(server.url);
  if (/"level":(50|60)/.test(server.log())) faults.push(`the log has errors: ${server.log().slice(0, 4000)}`);
  closeConnections();
  if ((await server.stop()) !== 0) faults.push('the server did not end well');
  const again = await startServerProcess(data.directory, settings);
  const kept = await listConcepts(again.url);
  if (JSON.stringify([...stored]) !== JSON.stringify([...kept])) faults.push('concepts changed over a restart');
  if (/refused/.test(again.log())) faults.push(`a concept file is damaged: ${again.log().slice(0, 1000)}`);
  await again.stop();

  const rows = Object.entries(report.statuses)
    .sort()
    .map(([id, counts]) => `${id.padEnd(26)}${Object.entries(counts).map(([status, count]) => ` ${status}: ${count}`)}`);
  const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  const say = (text: string) => process.stdout.write(`${text}\n`);
  say(rows.join('\n'));
  if (values.refused) say([...new Set(report.refusedThoughValid)].join('\n'));
  say(`slowest: ${Math.round(report.slowest[0])} ms, ${report.slowest[1].slice(0, 300)}`);
  say(`memory: ${megabytes(before)} MB before, ${megabytes(after)} MB after; concepts: ${stored.size}`);
  say(`${values.requests} requests with seed ${values.seed} in ${seconds.toFixed(1)} s: ${faults.length} faults`);
  for (const fault of faults.slice(0, 50)) say(`- ${fault}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  closeConnections();
  await server.kill().catch(() => {});
  await data.clean();
}
