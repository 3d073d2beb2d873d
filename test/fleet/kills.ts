/**
 * One round: a part is killed under load and started again. Nothing that was acknowledged may be lost, no job lost or done twice, and
 * no answer may be another concept's; errors belong to the dead part alone.
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../../src/common/random.js';
import {
  answerOf,
  ask,
  beginFit,
  call,
  codeOf,
  endOfFit,
  json,
  type Known,
  register,
  visibleAfter,
} from './calls.js';
import type { Fleet } from './fleet.js';
import { underLoad } from './load.js';

export const parts = ['replica', 'worker', 'postgres', 'nginx'] as const;
export type PartName = (typeof parts)[number];

/** A concept that every server knows, and what it makes the model say. */
export async function knownConcept(fleet: Fleet, name: string, seed: number): Promise<Known> {
  const { version, reply } = await register(fleet.url, name, seed);
  assert.ok(version !== null, reply.text);
  const since = performance.now();
  for (const url of fleet.urls) await visibleAfter(url, name, since);
  const answer = answerOf(await call(fleet.urls[0] ?? '', '/v1/completions', ask(name)));
  assert.equal(answer.version, version);
  return { name, version, answer: answer.text };
}

export interface RoundReport {
  readonly part: string;
  readonly answered: number;
  readonly failed: number;
  readonly brokenStreams: number;
}

export async function killRound(
  fleet: Fleet,
  part: PartName,
  seed: number,
  known: Known[],
  statements = 60,
): Promise<RoundReport> {
  const generator = new Random(seed);
  const random = () => generator.uniform();
  const fit = await beginFit(fleet.url, `fit-${seed}`, statements);
  const load = underLoad(fleet.url, known, 4);
  await pause(200 + random() * 800);
  const outage = 300 + random() * 1200;
  const told = await killed(fleet, part, random, outage, seed);
  await pause(500);
  await load.stop();
  const { tally } = load;

  assert.deepEqual(tally.wrong, [], 'answers of other concepts');
  assert.ok(tally.answered > 0);
  const where = `${part}, seed ${seed}`;
  if (part === 'replica' || part === 'worker' || part === 'postgres')
    assert.deepEqual(tally.failed, [], `${where}: whole answers go on elsewhere, and without the database`);
  if (part === 'worker' || part === 'postgres') assert.equal(tally.broken, 0, `${where}: no stream breaks`);
  for (const one of tally.failed) assert.match(one, /^0 /, `${where}: whoever reached nginx was answered`);
  known.push(...told);

  const job = await endOfFit(fleet.url, fit.id);
  assert.equal(job.status, 'succeeded', `${where}: ${job.error?.message}`);
  const events = (await call(fleet.urls[0] ?? '', `/v1/fits/${fit.id}/events`)).text;
  assert.equal(events.match(/"message":"succeeded"/g)?.length, 1, `${where}: it ended once`);
  const since = performance.now();
  for (const url of fleet.urls) {
    for (const { name, version, answer } of known) {
      await visibleAfter(url, name, since);
      const now = answerOf(await call(url, '/v1/completions', ask(name)));
      assert.deepEqual(now, { text: answer, version }, `${where}: ${name} at ${url}`);
    }
    await visibleAfter(url, `fit-${seed}`, since);
  }
  return { part: where, answered: tally.answered, failed: tally.failed.length, brokenStreams: tally.broken };
}

/** @returns concepts that were acknowledged meanwhile */
async function killed(
  fleet: Fleet,
  part: PartName,
  random: () => number,
  outage: number,
  seed: number,
): Promise<Known[]> {
  if (part === 'postgres') {
    await fleet.postgres.kill();
    const refused = await register(fleet.url, `refused-${seed}`, seed);
    assert.equal(refused.version, null);
    assert.deepEqual([refused.reply.status, codeOf(refused.reply)], [503, 'database_unavailable']);
    await pause(outage);
    await fleet.postgres.start();
    return [];
  }
  const at = Math.floor(random() * fleet.replicas.length);
  const victim = part === 'replica' ? fleet.replicas[at] : fleet[part];
  assert.ok(victim !== undefined);
  await victim.kill();
  const made: Known[] = [];
  if (part !== 'nginx') {
    // What is acknowledged while a part is dead is known to it when it is back.
    const name = `during-${seed}`;
    const { version, reply } = await register(fleet.url, name, seed + 100);
    assert.ok(version !== null, reply.text);
    const alive = fleet.urls[part === 'replica' ? (at + 1) % fleet.urls.length : 0] ?? '';
    await visibleAfter(alive, name, performance.now());
    const reply2 = await call(alive, '/v1/completions', ask(name));
    json(reply2);
    made.push({ name, version, answer: answerOf(reply2).text });
  }
  await pause(outage);
  await victim.start();
  return made;
}
