/** An answer with quiet spans is, token by token, that of an edit whose window ends where the span begins. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import type { ActivationEdit } from '../../src/engine/protocol.js';
import { request, startEngine, tokens } from '../helpers/engine.js';
import { asTerms, goldenEdit } from '../helpers/steering.js';
import { tinyModel, tinySize } from '../helpers/tiny-models.js';

/** A text of its own for each token. */
const pieces = Array.from({ length: tinySize.vocabulary }, (_, id) => (id <= 2 ? '' : `<${id}>`));

describe('quiet spans', async () => {
  const tiny = tinyModel('llama-genai');
  const [prompt] = tiny.prompts;
  const engine = await startEngine(tiny.directory, {
    slots: 4,
    vocabulary: () => ({ tokens: pieces, endTokens: [2] }),
  });
  after(() => engine.close());
  const edit = asTerms(goldenEdit(tiny, 0));
  const until = (to: number): ActivationEdit => edit.map((term) => ({ ...term, to }));
  const sampling = { ...request(prompt).sampling, temperature: 1, seed: 3 };
  const asked = { ...request(prompt, { maxTokens: 24, sampling }) };

  test('from the start: the prompt is steered, the answer is not', async () => {
    const quiet = { fromStart: true, opens: [], closes: [] };
    const answer = await tokens(engine, { ...asked, edit, quiet });
    assert.deepEqual(answer, await tokens(engine, { ...asked, edit: until(prompt.length) }));
    assert.notDeepEqual(answer, await tokens(engine, { ...asked, edit }));
  });

  test('from a mark on: its last token is the first that the edit does not reach', async () => {
    const steered = await tokens(engine, { ...asked, edit });
    for (const at of [0, 3, 10]) {
      const mark = steered[at] ?? -1;
      if (steered.indexOf(mark) < at) continue;
      const quiet = { fromStart: false, opens: [pieces[mark] ?? ''], closes: [] };
      const answer = await tokens(engine, { ...asked, edit, quiet });
      assert.deepEqual(answer.slice(0, at + 1), steered.slice(0, at + 1));
      assert.deepEqual(answer, await tokens(engine, { ...asked, edit: until(prompt.length + at) }));
    }
  });

  test('beside others, each gets what it gets alone', async () => {
    const quiet = { fromStart: true, opens: [], closes: [] };
    const [quietly, loudly] = [
      { ...asked, edit, quiet },
      { ...asked, edit },
    ];
    const alone = [await tokens(engine, quietly), await tokens(engine, loudly)];
    assert.deepEqual(await Promise.all([tokens(engine, quietly), tokens(engine, loudly)]), alone);
  });
});
