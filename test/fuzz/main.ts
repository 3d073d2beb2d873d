/**
 * `npm run fuzz [-- --seed 1 --requests 2000 --deadline 660]`: seeded requests from openapi/openapi.json against the built server
 * with the embedded model. Exit code 1 when an answer is not what the description allows, takes too long, or anything
 * is left behind.
 */
import { parseArgs } from 'node:util';
import { fuzzSession } from './session.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    requests: { type: 'string', default: '2000' },
    concurrency: { type: 'string', default: '8' },
    /** Seconds that an answer may take. The server ends each request after 600 (STEERD_REQUEST_SECONDS): later is a hang. */
    deadline: { type: 'string', default: '660' },
    /** Show also what was refused though the description allows it: what to look at by hand. */
    refused: { type: 'boolean', default: false },
  },
});

const report = await fuzzSession({
  seed: Number(values.seed),
  requests: Number(values.requests),
  concurrency: Number(values.concurrency),
  deadline: Number(values.deadline) * 1000,
});
const say = (text: string) => process.stdout.write(`${text}\n`);
const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
for (const [id, counts] of Object.entries(report.statuses).sort()) {
  const told = Object.entries(counts).map(([status, count]) => `${status}: ${count}`);
  say(`${id.padEnd(26)} ${told.join(', ')}`);
}
if (values.refused) say([...new Set(report.refusedThoughValid)].join('\n'));
const [slowest, request] = report.slowest;
say(`slowest: ${Math.round(slowest)} ms, ${request.slice(0, 300)}`);
say(`memory: ${report.memory.map(megabytes).join(' MB before, ')} MB after; concepts: ${report.concepts}`);
const { faults } = report;
say(
  `${values.requests} requests with seed ${values.seed} in ${report.seconds.toFixed(1)} s: ${faults.length} faults`,
);
for (const fault of faults.slice(0, 50)) say(`- ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;
