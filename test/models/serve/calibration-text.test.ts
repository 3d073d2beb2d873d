/** The text that tells which activations are large: the same every day, for models with and without a chat template. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrationTokens } from '../../../src/models/serve/calibration-text.js';
import type { ChatTemplate } from '../../../src/text/chat-template.js';
import { loadChatTemplate } from '../../../src/text/chat-template.js';
import { loadTokenizer } from '../../../src/text/load-tokenizer.js';
import { embeddedDirectory } from '../../helpers/embedded-model.js';

const tokenizer = await loadTokenizer(embeddedDirectory);
const template = await loadChatTemplate(embeddedDirectory);

test('it has the turns of the chat format, and enough tokens', () => {
  const tokens = calibrationTokens(tokenizer, template);
  const start = tokenizer.encode('<|im_start|>', { addSpecialTokens: false })[0];
  assert.ok(tokens.filter((token) => token === start).length >= 2);
  assert.ok(tokens.length > 150);
});

const refusing: ChatTemplate = {
  render: () => {
    throw new Error('no conversation');
  },
};
const dated: ChatTemplate = { readsClock: true, render: () => `${Math.random()}` };

for (const [what, other] of [
  ['none', null],
  ['one that refuses it', refusing],
  ['one that writes the date', dated],
] as const)
  test(`the template is ${what}: the plain text is read`, () => {
    const tokens = calibrationTokens(tokenizer, other);
    assert.deepEqual(tokens, calibrationTokens(tokenizer, null));
    assert.match(tokenizer.decode(tokens), /rowed from bay to bay/);
  });
