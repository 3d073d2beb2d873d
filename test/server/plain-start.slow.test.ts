/** A server alone loads nothing of what a fleet needs; one that is told to stop drains, as a process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTiny, stream } from '../e2e/tiny-server.js';

test('with the directory alone no module of a database is loaded', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'steerd-plain-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const list = join(folder, 'loaded');
  // Loaders see every import, static or not, of the process's own thread.
  await writeFile(
    join(folder, 'hooks.mjs'),
    `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context); }`,
  );
  await writeFile(
    join(folder, 'watch.mjs'),
    `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`,
  );
  const server = await startTiny(t, { NODE_OPTIONS: `--import ${join(folder, 'watch.mjs')}` });
  assert.equal((await fetch(`${server.url}/ready`)).status, 200);
  assert.equal((await fetch(`${server.url}/v1/fits`)).status, 200);
  await server.stop();
  const loaded = (await readFile(list, 'utf8')).split('\n');
  assert.ok(loaded.some((url) => url.endsWith('/src/server/open-services.js')));
  const shared = loaded.filter((url) =>
    /\/src\/database\/|\/node_modules\/(pg|pg-[a-z]+|postgrator)\/|\/src\/jobs\/(shared|held|job-rows|job-notices)|\/src\/server\/(fleet|open-shared)\.js|database-(concepts|runs)/.test(
      url,
    ),
  );
  assert.deepEqual(shared, []);
});

test('SIGTERM: not ready at once, still answering, then streams end, then the process', async (t) => {
  const server = await startTiny(t, { STEERD_DRAIN_DELAY: '2' });
  const status = (path: string) =>
    fetch(`${server.url}${path}`).then(
      ({ status, headers }) => ({ status, connection: headers.get('connection') }),
      () => ({ status: 0, connection: null }),
    );
  assert.deepEqual(await status('/ready'), { status: 200, connection: 'keep-alive' });
  const exited = once(server.child, 'exit');
  const asked = performance.now();
  // Nobody reads what it says any more, which is no reason to break anything off.
  server.child.stdout?.destroy();
  server.child.stderr?.destroy();
  server.child.kill('SIGTERM');
  while ((await status('/ready')).status === 200)
    assert.ok(performance.now() - asked < 1500, '/ready goes on');
  assert.deepEqual(await status('/health'), { status: 200, connection: 'close' });
  const answer = stream(server.url, 200);
  assert.match(await answer.ended, /\[DONE\]/, 'a request within the delay is answered to its end');
  const [code] = await exited;
  assert.equal(code, 0);
  assert.ok(performance.now() - asked >= 2000, 'it drained for as long as it was told to');
  assert.equal((await status('/ready')).status, 0);
});

test('a second signal ends a draining server at once', async (t) => {
  const server = await startTiny(t, { STEERD_DRAIN_DELAY: '600' });
  const exited = once(server.child, 'exit');
  server.child.kill('SIGTERM');
  while ((await fetch(`${server.url}/ready`)).status === 200);
  server.child.kill('SIGTERM');
  assert.deepEqual((await exited)[0], 143);
});
