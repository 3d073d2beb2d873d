import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SteerdError } from '../../src/errors.js';
import {
  readServingSettings,
  type ServingSettings,
  SettingsFile,
} from '../../src/models/serving-settings.js';
import { temporaryFolder } from '../concepts/sample.js';

const usual: ServingSettings = {
  device: 'auto',
  deviceIndex: 0,
  deviceMemory: 0,
  arithmetic: 'auto',
  kvCache: 'export',
  cacheDirectory: null,
  deviceGraph: false,
  threads: 0,
  slots: 16,
  context: 0,
  prefillChunk: 64,
  answerTokens: 512,
  prefixMemory: 256,
  draftTokens: 0,
  sharePrefixes: false,
  queue: 256,
  idleSeconds: 0,
  pinned: false,
};

test('what the file says counts for its model, the rest is as usual', async (t) => {
  const folder = await temporaryFolder(t);
  assert.deepEqual(await readServingSettings('one', folder, usual), usual);
  const own = {
    device: 'cpu',
    device_index: 1,
    device_memory: 100,
    arithmetic: 'export',
    kv_cache: 'int8',
    device_graph: true,
    threads: 3,
    slots: 2,
    context: 512,
    prefill_chunk: 32,
    answer_tokens: 64,
    prefix_memory: 9,
    draft_tokens: 4,
    queue: 7,
    idle_seconds: 60,
    pinned: true,
  };
  const marks: [string, string, object][] = [
    ['tool_format', 'mistral', { toolFormat: 'mistral' }],
    ['tool_format', 'auto', {}],
    ['reasoning', 'none', { reasoning: null }],
    ['reasoning', '[THINK]', { reasoning: { open: '[THINK]', close: '[/THINK]' } }],
  ];
  const fields = [...Object.keys(own), ...new Set(marks.map(([field]) => field))];
  assert.deepEqual(fields.sort(), Object.keys(SettingsFile.shape).sort());
  for (const [field, value, said] of marks) {
    await writeFile(join(folder, 'steerd.json'), JSON.stringify({ [field]: value }));
    assert.deepEqual(await readServingSettings('one', folder, usual), { ...usual, marks: said });
  }
  for (const [field, value] of Object.entries(own)) {
    await writeFile(join(folder, 'steerd.json'), JSON.stringify({ [field]: value }));
    const name = field.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    assert.deepEqual(await readServingSettings('one', folder, usual), { ...usual, [name]: value });
  }
});

test('a file that is wrong is refused by name, field and value', async (t) => {
  const folder = await temporaryFolder(t);
  for (const [text, reason] of [
    ['{"slots": 0}', /steerd\.json: slots must be at least 1; received 0/],
    ['{"context": 8}', /context must be 0 or at least 16; received 8/],
    ['{"device": "tpu"}', /device must be one of "auto", .*; received "tpu"/],
    ['{"slot": 4}', /no field "slot"/],
    ['[]', /the file must be an object/],
    ['{', /not JSON/],
  ] as const) {
    await writeFile(join(folder, 'steerd.json'), text);
    await assert.rejects(readServingSettings('one', folder, usual), (error) => {
      assert.ok(error instanceof SteerdError && error.code === 'model_unavailable');
      assert.match(error.message, reason);
      return true;
    });
  }
});
