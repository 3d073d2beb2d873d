/** Clients of a fleet: answers asked for again and again, each held against what its concept must give. */
import { setTimeout as pause } from 'node:timers/promises';
import { stream } from '../e2e/tiny-server.js';
import { answerOf, ask, call, type Known } from './calls.js';

export interface Tally {
  answered: number;
  /** Whole answers that failed, with why. */
  failed: string[];
  /** Streams that broke off in the middle. */
  broken: number;
  streamed: number;
  /** Answers by a concept other than the one that was acknowledged: there must be none. */
  wrong: string[];
}

export interface Load {
  readonly tally: Tally;
  stop(): Promise<void>;
}

/** @param clients that ask for whole answers; a fourth as many read streams */
export function underLoad(url: string, known: readonly Known[], clients: number): Load {
  const tally: Tally = { answered: 0, failed: [], broken: 0, streamed: 0, wrong: [] };
  let going = true;
  let turn = 0;
  const whole = async () => {
    while (going) {
      const concept = known[turn++ % known.length];
      if (concept === undefined) return;
      const reply = await call(url, '/v1/completions', ask(concept.name));
      if (reply.status !== 200) {
        tally.failed.push(`${reply.status} ${reply.text.slice(0, 200)}`);
        await pause(20);
        continue;
      }
      tally.answered++;
      const { text, version } = answerOf(reply);
      if (text !== concept.answer || version !== concept.version)
        tally.wrong.push(`${concept.name}: ${JSON.stringify(text)} of ${version}`);
    }
  };
  const streams = async () => {
    while (going) {
      const text = await stream(url, 60).ended;
      if (text.includes('[DONE]')) tally.streamed++;
      else {
        tally.broken++;
        await pause(20);
      }
    }
  };
  const all = [
    ...Array.from({ length: clients }, whole),
    ...Array.from({ length: Math.ceil(clients / 4) }, streams),
  ];
  return {
    tally,
    async stop() {
      going = false;
      await Promise.all(all);
    },
  };
}
