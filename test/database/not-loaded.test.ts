/** Without a DATABASE_URL nothing of a database is loaded: neither by a server nor by any command. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const source = fileURLToPath(new URL('../../src', import.meta.url));

/** Files of pg that a process has loaded after these modules: whatever is of the database imports it. */
async function loadedOfPg(modules: readonly string[]): Promise<number> {
  const script = `
    import { Module } from 'node:module';
    for (const module of ${JSON.stringify(modules)}) await import(module);
    const loaded = Object.keys(Module._cache).filter((file) => /node_modules.pg.lib/.test(file));
    process.stdout.write(String(loaded.length));
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  return Number(stdout);
}

test('a server and the commands load no PostgreSQL until a database is named', async () => {
  const always = [
    'server/open-services',
    'server/app',
    'server/server',
    'commands/keys',
    'commands/fit',
    'commands/concepts',
  ];
  const path = (module: string) => `${source}/${module}.js`;
  const [without, named] = await Promise.all([
    loadedOfPg(always.map(path)),
    loadedOfPg([path('server/open-shared')]),
  ]);
  assert.equal(without, 0);
  assert.ok(named > 0, 'what is imported with a database is found');
});
