/** What `steerd doctor` finds, held to where the server itself looks. */
import assert from 'node:assert/strict';
import { delimiter } from 'node:path';
import { test } from 'node:test';
import { diagnose } from '../../src/commands/checks.js';
import { readSettings } from '../../src/config.js';
import { temporaryFolder, tinyChatModel, tinyModels } from './tiny-chat-model.js';

test('a model in any of the models directories is found, and one that is in none is not', async (t) => {
  const [empty, models, data] = [await temporaryFolder(t), await tinyModels(t), await temporaryFolder(t)];
  const findings = async (model: string) => {
    const STEERD_MODELS_DIR = [empty, models].join(delimiter);
    const found = await diagnose(
      readSettings({ STEERD_MODELS_DIR, STEERD_MODEL: model, STEERD_DATA_DIR: data, STEERD_PORT: '0' }, {}),
    );
    return (check: string) => found.find((one) => one.check === check);
  };
  const there = await findings(tinyChatModel);
  assert.equal(there('model')?.state, 'right', there('model')?.found);
  assert.match(there('memory')?.found ?? '', /tiny needs about/);
  assert.equal((await findings('nobody'))('model')?.state, 'wrong');
});
