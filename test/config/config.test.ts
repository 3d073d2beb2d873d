import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { ConfigError, readSettings, settingNames, settingsTable } from '../../src/config.js';
import { libraryVariable } from '../../src/ort/library.js';

test('defaults satisfy their own requirements', () => {
  const settings = readSettings({});
  assert.deepEqual(
    [settings.host, settings.port, settings.model, settings.slots, settings.context, settings.prefillChunk],
    ['127.0.0.1', 8080, 'smollm2-135m-instruct', 16, 0, 512],
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

test('every variable that the product names may be set', () => {
  const named = ['src', 'routes', 'plugins', 'docker', 'docs'].flatMap((folder) =>
    readdirSync(join(packageRoot, folder), { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && /\.(ts|js|md|ya?ml)$|Dockerfile/.test(file.name))
      .flatMap(
        (file) =>
          readFileSync(join(file.parentPath, file.name), 'utf8').match(/STEERD_[A-Z][A-Z_]*[A-Z]/g) ?? [],
      ),
  );
  const variables = [...new Set(named)].filter((name) => !/^STEERD_(SERVICE_|PORT_)/.test(name));
  assert.ok(variables.length > settingNames.length / 2);
  try {
    readSettings(Object.fromEntries(variables.map((name) => [name, '?'])));
  } catch (error) {
    assert.doesNotMatch((error as Error).message, /there is no setting/);
  }
});

test('a misspelt variable is an error that names the nearest', () => {
  const told = (environment: Record<string, string>) => {
    try {
      readSettings(environment);
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.message;
    }
    return null;
  };
  assert.match(told({ STEERD_SLOT: '3' }) ?? '', /no setting STEERD_SLOT; did you mean STEERD_SLOTS\?/);
  assert.match(
    told({ STEERD_COLOUR_OF_THE_SKY: '3' }) ?? '',
    /no setting STEERD_COLOUR_OF_THE_SKY; |SKY "steerd serve --help"/,
  );
  assert.match(
    told({ STEERD_ALOW_ANONYMOUS: 'true', STEERD_SLOTS: '0' }) ?? '',
    /STEERD_ALLOW_ANONYMOUS\?[^\n]*\nSTEERD_SLOTS must/,
  );
  assert.equal(told({ [libraryVariable]: '/x', STEERDX: '1' }), null);
  assert.equal(
    told({
      STEERD_PORT: 'tcp://10.0.0.1:8080',
      STEERD_SERVICE_HOST: '10.0.0.1',
      STEERD_PORT_8080_TCP_ADDR: '10.0.0.1',
    }),
    null,
    'what Kubernetes sets beside a service called steerd',
  );
});

test('STEERD_HOST, STEERD_PORT and STEERD_LOG_LEVEL win over the names that others use too', () => {
  const common = { HOST: '0.0.0.0', PORT: '1', LOG_LEVEL: 'warn' };
  const of = (environment: Record<string, string>) => {
    const { host, port, logLevel } = readSettings(environment);
    return [host, port, logLevel];
  };
  assert.deepEqual(of(common), ['0.0.0.0', 1, 'warn']);
  const own = { STEERD_HOST: '::1', STEERD_PORT: '2', STEERD_LOG_LEVEL: 'error' };
  assert.deepEqual(of({ ...common, ...own }), ['::1', 2, 'error']);
  for (const HOST of ['x86_64-conda-linux-gnu', 'aarch64-apple-darwin20.0.0', 'x86_64-linux']) {
    assert.equal(readSettings({ HOST }).host, '127.0.0.1', 'conda says what machine it is');
  }
  assert.equal(readSettings({ HOST: 'box-1.example' }).host, 'box-1.example');
});

test('a secret is not told where it is refused', () => {
  assert.throws(
    () => readSettings({ STEERD_API_KEY: 'short one' }),
    (error: unknown) =>
      error instanceof ConfigError &&
      /16 characters.*received 9 characters/.test(error.message) &&
      !error.message.includes('short'),
  );
  assert.equal(readSettings({ STEERD_API_KEY: 'k'.repeat(16) }).apiKey, 'k'.repeat(16));
});
