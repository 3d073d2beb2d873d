/** One request at a time: redirects, tokens, sums and what statuses mean. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sumFile } from '../../src/hub/checksum.js';
import { Hub } from '../../src/hub/hub.js';
import { parseRepository } from '../../src/hub/repository.js';
import { temporaryFolder } from '../concepts/sample.js';

const signal = new AbortController().signal;

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const info = { sha: 'a'.repeat(40), siblings: [] };

test('a renamed repository is followed with the token, another origin without it, and not for ever', async (t) => {
  const seen: [string | undefined, string | undefined][] = [];
  const other = await serve(t, (request, response) => {
    seen.push([`other${request.url}`, request.headers.authorization]);
    response.end(JSON.stringify(info));
  });
  const home = await serve(t, (request, response) => {
    const url = request.url ?? '';
    seen.push([url, request.headers.authorization]);
    if (url.includes('/old/')) response.writeHead(307, { location: url.replace('/old/', '/new/') }).end();
    else if (url.includes('/away/')) response.writeHead(302, { location: `${other}/x` }).end();
    else if (url.includes('/loop/')) response.writeHead(302, { location: url }).end();
    else if (url.includes('/file/')) response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    else response.end(JSON.stringify(info));
  });
  const hub = new Hub({ endpoint: `${home}/`, token: 'hf_x', firstPause: 1 });
  await hub.snapshot('old/a', 'main', signal);
  await hub.snapshot('away/a', 'refs/pr/1', signal);
  assert.deepEqual(seen, [
    ['/api/models/old/a/revision/main?blobs=true', 'Bearer hf_x'],
    ['/api/models/new/a/revision/main?blobs=true', 'Bearer hf_x'],
    ['/api/models/away/a/revision/refs%2Fpr%2F1?blobs=true', 'Bearer hf_x'],
    ['other/x', undefined],
  ]);
  await assert.rejects(hub.snapshot('loop/a', 'main', signal), /redirects more than 8 times/);
  await assert.rejects(hub.snapshot('file/a', 'main', signal), /redirects from http:\/\/ to file:\/\//);
});

test('an abort ends a wait at once, with its reason', async (t) => {
  const silent = await serve(t, () => {});
  const busy = await serve(t, (_, response) => response.writeHead(503, { 'retry-after': '60' }).end());
  for (const endpoint of [silent, busy]) {
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 50);
    const started = performance.now();
    await assert.rejects(
      new Hub({ endpoint, token: '' }).snapshot('a/b', 'main', controller.signal),
      (error) => error === reason,
    );
    assert.ok(performance.now() - started < 2000);
  }
});

test('checksums are those of sha256sum and of git', async (t) => {
  const file = join(await temporaryFolder(t), 'file');
  await writeFile(file, 'hello\n');
  const sums = await sumFile(file, 'git-sha1');
  // `git hash-object` of that file.
  assert.equal(sums['git-sha1'], 'ce013625030ba8dba906f756967f9e9ca394464a');
  assert.equal(sums.sha256, createHash('sha256').update('hello\n').digest('hex'));
});

test('ids are read as the hub writes them, and nothing else passes', () => {
  assert.deepEqual(parseRepository('a/b'), { repository: 'a/b', revision: 'main' });
  assert.deepEqual(parseRepository('a/b:Q4_K_M@v1'), { repository: 'a/b', revision: 'v1', gguf: 'Q4_K_M' });
  assert.deepEqual(parseRepository('gpt2@refs/pr/1'), { repository: 'gpt2', revision: 'refs/pr/1' });
  for (const bad of [
    '',
    'a/',
    '/b',
    'a/b/c',
    '../x',
    'a/..',
    'a/-b',
    'a b',
    'a/b?x',
    'a/b@',
    'a/b@x y',
    'a/b@../x',
    'a/b:',
    'a/b:x y',
  ]) {
    assert.throws(() => parseRepository(bad), /must be/, bad);
  }
});
