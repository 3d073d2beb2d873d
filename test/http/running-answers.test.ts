import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RunningAnswers } from '../../src/http/running-answers.js';

test('an answer of many choices, each of which listens for its end, makes Node warn of nothing', async (t) => {
  const warnings: Error[] = [];
  const warn = (warning: Error) => warnings.push(warning);
  process.on('warning', warn);
  t.after(() => process.off('warning', warn));
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const signal = new RunningAnswers(60).signalFor(response);
  for (let choice = 0; choice < 16; choice++) signal.addEventListener('abort', () => {});
  await turn();
  response.emit('close');
  assert.equal(signal.aborted, true);
  assert.deepEqual(warnings, []);
});
