import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, readSettings, settingNames, settingsTable } from '../../src/config.js';

test('defaults satisfy their own requirements', () => {
  const settings = readSettings({});
  assert.deepEqual(
    [settings.host, settings.port, settings.model, settings.slots, settings.context, settings.prefillChunk],
    ['127.0.0.1', 8080, 'smollm2-135m-instruct', 16, 0, 64],
  );
  assert.equal(settings.bodyLimit, 4 * 1024 * 1024);
});

test('flags beat the environment, the environment beats defaults, an empty variable is unset', () => {
  const environment = { PORT: '1', HOST: '', STEERD_SLOTS: '3' };
  const settings = readSettings(environment, { port: '0' });
  assert.equal(settings.port, 0);
  assert.equal(settings.host, '127.0.0.1');
  assert.equal(settings.slots, 3);
});

test('every bad value is named with its requirement and what was received, in one error', () => {
  assert.throws(
    () => readSettings({ PORT: '70000', STEERD_MODEL: '../x', LOG_LEVEL: 'loud' }, { slots: '0' }),
    (error) => {
      assert.ok(error instanceof ConfigError);
      const lines = error.message.split('\n');
      assert.equal(lines.length, 4);
      assert.ok(lines.includes('PORT must be an integer from 0 to 65535; received "70000".'));
      assert.ok(lines.includes('--slots (STEERD_SLOTS) must be an integer from 1 to 1024; received "0".'));
      return true;
    },
  );
});

test('numbers are decimal integers and nothing else', () => {
  for (const PORT of ['abc', '1.5', '0x10', '1e3', '-1', 'NaN', 'Infinity', '8080 ,']) {
    assert.throws(() => readSettings({ PORT }), ConfigError, PORT);
  }
  for (const STEERD_CONTEXT of ['1', '15'])
    assert.throws(() => readSettings({ STEERD_CONTEXT }), ConfigError);
  assert.equal(readSettings({ STEERD_CONTEXT: '16' }).context, 16);
});

test('no two settings share a variable or a flag', () => {
  const table = settingNames.map((name) => settingsTable[name]);
  assert.equal(new Set(table.map(({ env }) => env)).size, table.length);
  const flags = table.flatMap(({ flag }) => flag?.split(' ')[0] ?? []);
  assert.equal(new Set(flags).size, flags.length);
});
