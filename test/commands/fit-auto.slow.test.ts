import assert from 'node:assert/strict';
import { test } from 'node:test';
import { register } from '../../src/commands/fit.js';
import { ConceptStore } from '../../src/concepts/concept-store.js';
import { runCommand } from './run-command.js';
import { temporaryFolder, tinyChatModel, tinyModels } from './tiny-chat-model.js';

test('a fit that names no recipe says which one was best, and keeps what the others reached', async (t) => {
  const [models, data] = [await tinyModels(t), await temporaryFolder(t)];
  const places = ['--model', tinyChatModel, '--models-dir', models, '--data-dir', data, '--threads', '1'];
  const said = await runCommand(t, register, [
    ...['fit', 'Sea', '--prefix', 'You love the sea.', '--max-tokens', '4', '--texts', '16'],
    ...places,
  ]);
  const store = await ConceptStore.open({ dataDirectory: data, shipped: [] });
  const concept = (await store.load(tinyChatModel, 'Sea'))?.concept;
  assert.ok(concept);
  const { recipe, method, details } = concept.record;
  const { candidates, chosen } = details.auto as {
    candidates: { recipe: string; method: string; profile: string }[];
    chosen: number;
  };
  assert.equal(candidates.length, 6);
  const best = candidates[chosen];
  assert.deepEqual([best?.recipe, best?.method, best?.profile], [recipe, method, details.profile]);
  assert.match(said, new RegExp(`recipe ${recipe}, method ${method}, profile ${details.profile}`));
  assert.equal(concept.calibration.method, 'harmonic');
});
